/** Bytes of rows that one message holds for sure. */
const pageLength = 48 * 1024;

/** Cuts rows so that each part fits into one message, however long their names are. */
export function inPages<Row>(rows: readonly Row[]): Row[][] {
  const parts: Row[][] = [];
  let part: Row[] = [];
  let length = 0;
  for (const row of rows) {
    const rowLength = Buffer.byteLength(JSON.stringify(row)) + 1;
    if (length + rowLength > pageLength) {
      parts.push(part);
      part = [];
      length = 0;
    }
    part.push(row);
    length += rowLength;
  }
  return part.length > 0 ? [...parts, part] : parts;
}
