/** Longest foreign text on a screen or in a log, in characters. */
const longest = 200;

/**
 * The one door through which text of peers, and names of files, reach a screen or a log: what could move
 * the cursor, hide or reverse text is shown as `\u{…}`, and what is too long is cut.
 */
export function quote(text: string): string {
  const characters = Array.from(text);
  const shown = characters.slice(0, longest).map(visible).join('');
  return characters.length > longest ? `${shown}…` : shown;
}

// Controls, surrogates, line separators, bidi controls, invisible characters, byte order marks.
const dangerous =
  /^[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]$/u;

function visible(character: string): string {
  if (character === '\\') return '\\\\';
  if (!dangerous.test(character)) return character;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
