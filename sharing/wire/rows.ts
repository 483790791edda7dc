/** Longest path in a message, in characters. */
export const maxPathLength = 4096;

/** Longest name, in characters; the rules for names are stricter. */
const maxNameLength = 256;
/** Of a refusal, in characters. */
const maxCodeLength = 32;
const maxWordsLength = 512;
/** Of a source, and of a lane's token. */
export const tagForm = /^[0-9a-f]{32}$/;

/** Name, type, size in bytes, modification time in microseconds since 1970. */
export type EntryRow = [string, 'file' | 'folder', number, number];
/** A file that is offered: path, size, time, the tag of its source. */
export type FileRow = [string, number, number, string];
/** What was asked for by its path and cannot be offered: its name, the code and the words of the refusal. */
export type RefusedRow = [string, string, string];
/** In a batch also a file of one chunk at most, and a folder, which has a time alone. */
export type OfferRow = [string, number, number] | FileRow | [string, number] | RefusedRow;
/** From a number up to another one, which is no part of it. */
export type Range = [number, number];

/*
 * Rows come by the ten thousand, and a schema takes as long for one as the file behind it: they are looked at by hand. Each
 * has the parts that it should have, and no more.
 */

export function isEntryRow(row: unknown): row is EntryRow {
  if (!Array.isArray(row) || row.length !== 4) return false;
  const [name, type, size, time] = row as unknown[];
  const isNamed = isText(name, maxNameLength) && name !== '';
  return isNamed && (type === 'file' || type === 'folder') && isSize(size) && isWhole(time);
}

export function isOfferRow(row: unknown): row is OfferRow {
  if (!Array.isArray(row)) return false;
  const [path, size, time, tag] = row as unknown[];
  if (!isText(path, maxPathLength)) return false;
  if (typeof size === 'string') {
    const isCode = size !== '' && size.length <= maxCodeLength;
    return row.length === 3 && isCode && isText(time, maxWordsLength);
  }
  if (row.length === 2) return isWhole(size);
  if (!isSize(size) || !isWhole(time)) return false;
  return row.length === 3 || (row.length === 4 && typeof tag === 'string' && tagForm.test(tag));
}

export function isRefusedRow(row: OfferRow): row is RefusedRow {
  return typeof row[1] === 'string';
}

export function isRange(row: unknown): row is Range {
  if (!Array.isArray(row) || row.length !== 2) return false;
  const [from, to] = row as unknown[];
  return isU32(from) && isU32(to);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isSize(value: unknown): value is number {
  return isWhole(value) && value >= 0;
}

function isU32(value: unknown): value is number {
  return isSize(value) && value <= 0xffff_ffff;
}
