/** Where the value of a setting came from. `flag` is without its dashes: `udp-port`. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'flag'; readonly flag: string };

/** What is wrong with the settings; `given` and `allowed` are safe to show, the rest is raw. */
export interface SettingsProblem {
  /** The name that was used; undefined when the file as a whole is at fault. */
  readonly key: string | undefined;
  /** What was given: quoted, cut to 60 characters, unprintable ones escaped. */
  readonly given: string;
  /** What would be accepted, in words. */
  readonly allowed: string;
  readonly origin: Origin;
}

/** Settings that cannot work. The message is one sentence: name, given value, origin, what is allowed. */
export class SettingsError extends Error implements SettingsProblem {
  override readonly name = 'SettingsError';
  readonly key: string | undefined;
  readonly given: string;
  readonly allowed: string;
  readonly origin: Origin;

  constructor(problem: SettingsProblem, sentence = wrongValue(problem)) {
    super(sentence);
    this.key = problem.key;
    this.given = problem.given;
    this.allowed = problem.allowed;
    this.origin = problem.origin;
  }
}

/** `from LANPOST_UDP_PORT`, `from --udp-port`, `from <path>` or `the default`. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'the default';
    case 'file':
      return `from ${printable(origin.path)}`;
    case 'environment':
      return `from ${printable(origin.variable)}`;
    case 'flag':
      return `from --${printable(origin.flag)}`;
  }
}

/** A value for a sentence: text quoted and cut to 60 characters, lists and objects only named. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `"${cut(value)}"`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Text that cannot move the cursor, change direction or end the line; not cut. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

const longestShown = 60;

function cut(text: string): string {
  // Two units make a character at most: the rest of a long text need not be looked at.
  const characters = Array.from(text.slice(0, 2 * longestShown + 2));
  const kept = characters.slice(0, longestShown).join('').replace(/["\\]/g, '\\$&');
  return characters.length > longestShown ? `${printable(kept)}…` : printable(kept);
}

function wrongValue({ key, given, allowed, origin }: SettingsProblem): string {
  return `${key ?? 'settings'}: ${given} is not allowed (${originText(origin)}); allowed: ${allowed}`;
}
