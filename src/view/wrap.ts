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
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
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
