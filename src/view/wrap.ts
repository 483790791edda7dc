/** A left and a right column. */
export type Row = readonly [string, string];

/** Of a narrow screen, the part that the left column may take. */
const leftShare = 0.4;

/**
 * Two columns of plain words within so many columns of the screen, the left one as wide as it has to be; what is too
 * wide for it stands in a line of its own.
 */
export function twoColumns(rows: readonly Row[], columns: number): string[] {
  const widest = Math.max(...rows.map(([left]) => left.length));
  const width = Math.min(widest, Math.max(4, Math.floor(columns * leftShare)));
  const indent = ' '.repeat(width + 4);
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrapped(right, columns - indent.length);
    const below = more.map((line) => indent + line);
    return left.length > width
      ? [`  ${left}`, indent + first, ...below]
      : [`  ${left.padEnd(width)}  ${first}`, ...below];
  });
}

/** Plain words in lines of so many columns; a word that is longer has a line for itself. */
export function wrapped(text: string, columns: number): string[] {
  return wrappedWords(text.split(' '), columns);
}

/** The same, set in as it is, where a command at the end stays in one piece: a terminal breaks it so that it can be copied. */
export function wrappedHint(text: string, columns: number): string[] {
  const [indent = ''] = /^ */.exec(text) ?? [];
  const words = text.slice(indent.length);
  const at = words.search(/(?<=^|[ :])(?:lanpost|sudo|chmod|rm) (?:[^;,]|,(?! ))*$/);
  const before = at < 0 ? words : words.slice(0, at).trimEnd();
  const parts = before === '' ? [] : before.split(' ');
  const lines = wrappedWords(at < 0 ? parts : [...parts, words.slice(at)], columns - indent.length);
  return lines.map((line) => indent + line);
}

/** Words that must not be broken, in lines of so many columns. */
export function wrappedWords(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** How wide the screen is, when there is one that knows it. */
export function columnsOn(output: { readonly isTTY?: boolean; readonly columns?: number }): number {
  const { columns = 0 } = output;
  return output.isTTY === true && columns > 0 ? columns : Infinity;
}
