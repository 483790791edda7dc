/**
 * Longest foreign text on a screen or in a log, in characters: the longest path that the protocol and the usual
 * systems have, so that no legal name or path loses its end, which is what tells it from others.
 */
const longest = 4096;

/**
 * The one door through which text of peers, and names of files, reach a screen or a log: what could move
 * the cursor, hide or reverse text is shown as `\u{…}`, and what is too long is cut.
 */
export function quote(text: string): string {
  if (text.length <= longest && !dangerous.test(text)) return text;
  const characters = Array.from(text);
  const shown = characters.slice(0, longest).map(visible).join('');
  return characters.length > longest ? `${shown}…` : shown;
}

/**
 * Controls, format characters (bidi among them), surrogates, separators of lines, and everything that has
 * no shape; but not the joiner and the selector that emoji are made with.
 */
export const dangerous =
  /(?!\u200d|\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

function visible(character: string): string {
  if (!dangerous.test(character)) return character;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Names that a sentence has room for. */
const mostNamed = 8;

/** A list in a sentence, of which the first are named and the rest is counted. */
export function someOf(names: readonly string[]): string {
  const left = names.length - mostNamed;
  return names.slice(0, mostNamed).join(', ') + (left > 0 ? `, and ${left} more` : '');
}
