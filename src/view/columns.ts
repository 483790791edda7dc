import { eastAsianWidth } from 'get-east-asian-width';

/**
 * Columns that a text takes on a terminal, at most: where emoji are joined, many terminals draw each by
 * itself, and a line that is taken for too long does no harm.
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** As much of a text as fits into so many columns. */
export function fitInto(text: string, columns: number): string {
  let left = columns;
  let shown = '';
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    shown += character;
  }
  return shown;
}

/** A text that fits into so many columns; of a longer one the end is left out. */
export function cutTo(text: string, columns: number): string {
  return fitInto(text, columns) === text ? text : `${fitInto(text, columns - 1)}…`;
}

/** A text that fits into so many columns; of a longer one the middle is left out. */
export function shortened(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  const room = columns - gap.length;
  const head = fitInto(text, Math.ceil(room / 2));
  const reversed = Array.from(text).reverse().join('');
  return `${head}${gap}${Array.from(fitInto(reversed, Math.floor(room / 2)))
    .reverse()
    .join('')}`;
}

const gap = '...';

/** A text with blanks behind it, so that the next column begins where it does in the other lines. */
export function padTo(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** Asks the character before it to be an emoji, which makes a narrow one wide. */
const emojiSelector = '\ufe0f';
const withoutWidth = /[\p{Mn}\p{Me}\p{Cf}]/u;

function widthOf(character: string): number {
  if (character === emojiSelector) return 1;
  return withoutWidth.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}
