/** True for text that may stand for several names: `*` any, `?` one character, `[a-z]` one of these, `[!a-z]` none. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

/**
 * True when a name matches a pattern; a slash has no meaning in either. It looks at each pair of a name's and a
 * pattern's part once at most, whatever the pattern: it may come from a peer.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  return globMatcher(pattern)(name);
}

/** The same for many names. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const parts = partsOf(pattern);
  return (name) => matchesParts(parts, name);
}

function matchesParts(parts: readonly Part[], name: string): boolean {
  const characters = Array.from(name);
  let [part, at] = [0, 0];
  /** Where the last `*` stands, and what it has taken so far. */
  let star: { readonly part: number; at: number } | undefined;
  while (at < characters.length) {
    const one = parts[part];
    if (one === 'any') {
      star = { part, at };
      part += 1;
    } else if (one?.(characters[at] ?? '') === true) {
      part += 1;
      at += 1;
    } else if (star) {
      star.at += 1;
      at = star.at;
      part = star.part + 1;
    } else return false;
  }
  return parts.slice(part).every((one) => one === 'any');
}

type Part = 'any' | ((character: string) => boolean);

function partsOf(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at += 1) {
    const one = characters[at] ?? '';
    const end = one === '[' ? closingOf(characters, at) : -1;
    if (one === '*') {
      if (parts.at(-1) !== 'any') parts.push('any');
    } else if (one === '?') parts.push(() => true);
    else if (end > 0) {
      parts.push(oneOf(characters.slice(at + 1, end)));
      at = end;
    } else parts.push((character) => character === one);
  }
  return parts;
}

/** A bracket that stands first in brackets is one of the characters; one that is never closed is itself. */
function closingOf(characters: readonly string[], open: number): number {
  const from = characters[open + 1] === '!' ? open + 3 : open + 2;
  return characters.indexOf(']', from);
}

function oneOf(inside: readonly string[]): (character: string) => boolean {
  const none = inside[0] === '!';
  const given = none ? inside.slice(1) : inside;
  return (character) => {
    for (let at = 0; at < given.length; at += 1) {
      const [from = '', dash, to] = given.slice(at, at + 3);
      const isRange = dash === '-' && to !== undefined;
      if (isRange ? isBetween(from, character, to) : from === character) return !none;
      if (isRange) at += 2;
    }
    return none;
  };
}

/** By code point: the halves of a surrogate pair come before the end of the basic plane. */
function isBetween(from: string, character: string, to: string): boolean {
  const [low = 0, point = 0, high = 0] = [from, character, to].map((one) => one.codePointAt(0));
  return low <= point && point <= high;
}
