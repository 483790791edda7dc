import { SharingError } from '#sharing/errors.js';
import { maxOpenRows } from '#sharing/session/batch-sending.js';
import { maxDepth, safeName, type SafeName } from '#sharing/storage/path.js';
import { chunkSize, digestLength, type ChunkHeader, type Digests } from '#sharing/wire/frame.js';
import { refusedBy } from '#sharing/wire/refusal.js';
import { isRefusedRow, type OfferRow, type RefusedRow } from '#sharing/wire/rows.js';

/** A folder that is offered, and everything below it. */
export interface OfferedFolder {
  readonly kind: 'folder';
  readonly file: number;
  /** As it was offered; not judged, for messages only. */
  readonly path: string;
  /** The last name of the path; a refusal takes everything below with it. */
  readonly name: SafeName | SharingError;
  readonly parent: OfferedFolder | undefined;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

export interface OfferedFile {
  readonly kind: 'small' | 'large';
  readonly file: number;
  readonly path: string;
  readonly name: SafeName | SharingError;
  readonly parent: OfferedFolder | undefined;
  readonly size: number;
  readonly mtime: number;
  /** Of a large one. */
  readonly tag: string;
}

/** What was asked for by its path and is not offered. */
export interface Refused {
  readonly kind: 'refused';
  readonly file: number;
  readonly path: string;
  readonly error: SharingError;
}

export type Offered = OfferedFolder | OfferedFile | Refused;

/** The rules of receiving many files in one transfer; every method throws SharingError `protocol` on a breach. */
export interface BatchReceiveRules {
  /** A page of rows, with `more` to come. Gives them in order, the names judged. */
  offer(rows: readonly OfferRow[], more: boolean): readonly Offered[];
  /** We ask for a small file: `digest` first, or its bytes. */
  want(file: number, what: 'digest' | 'bytes', size: number): void;
  /** The digest of a small file came. */
  digest(frame: Digests): void;
  /** The chunk of a small file came. */
  chunk(header: ChunkHeader): void;
  /** True for a small file whose bytes or digest were asked for, and have not come. */
  isAwaited(file: number): boolean;
  /** The last word on a row was said. */
  over(file: number): void;
  /** One row more was looked at; gives how many by now. */
  judged(): number;
  /** The path of a folder that was offered not long ago. */
  folderPath(file: number): string | undefined;
  /** Throws for a word on a row that was not offered; false for one that is over. */
  isOpen(file: number): boolean;
  /** Small files whose bytes or digest were asked for, and have not begun to come. */
  awaited(): number;
  /** All rows are here. */
  isWhole(): boolean;
  /** All rows are here, and over. */
  isDone(): boolean;
}

/** Rows that offer nothing, at most: as many as names that match a pattern. */
const maxRefusals = 100_000;

/** Rows more that may be open while their last words cross. */
const closingRows = 8;

interface Asked {
  readonly what: 'digest' | 'bytes';
  readonly size: number;
}

export function batchReceiveRules(): BatchReceiveRules {
  const open = new Set<number>();
  const asked = new Map<number, Asked>();
  const recent = new Map<number, string>();
  let folders: OfferedFolder[] = [];
  let count = 0;
  let refusals = 0;
  let judged = 0;
  let whole = false;

  function toOffered(row: OfferRow): Offered {
    const [path] = row;
    const file = count;
    count += 1;
    if (isRefusedRow(row)) return refused(file, row);
    const at = path.lastIndexOf('/');
    const parentPath = at < 0 ? '' : path.slice(0, at);
    while (folders.length > 0 && folders.at(-1)?.path !== parentPath) folders.pop();
    const parent = folders.at(-1);
    if (!parent && at >= 0) throw breach('a row outside of the folders before it');
    if (folders.length >= maxDepth) throw breach(`more than ${maxDepth} names deep`);
    const name =
      parent && typeof parent.name !== 'string' ? parent.name : judge(path.slice(at + 1));
    if (row.length === 2) {
      const folder: OfferedFolder = { kind: 'folder', file, path, name, parent, mtime: row[1] };
      folders.push(folder);
      recent.set(file, path);
      if (recent.size > maxOpenRows) recent.delete(recent.keys().next().value ?? 0);
      if (!parent) open.add(file);
      return folder;
    }
    const [, size, mtime, tag] = row;
    if (tag === undefined && size > chunkSize) throw breach('a large file without a tag');
    open.add(file);
    const kind = size > chunkSize ? 'large' : 'small';
    return { kind, file, path, name, parent, size, mtime, tag: tag ?? '' };
  }

  function refused(file: number, [path, code, message]: RefusedRow): Refused {
    folders = [];
    refusals += 1;
    if (refusals > maxRefusals) throw breach(`more than ${maxRefusals} refusals`);
    return { kind: 'refused', file, path, error: refusedBy({ code, message }) };
  }

  function find(file: number, what: Asked['what']): Asked {
    const one = asked.get(file);
    if (one?.what === what) return one;
    throw breach(`${what} of file ${file}, which nobody asked for`);
  }

  return {
    offer(rows, more) {
      if (whole) throw breach('an offer after the last');
      if (rows.length === 0 && more) throw breach('an empty page');
      const offered = rows.map(toOffered);
      // A large one may be over for its sender a moment before it is for us.
      if (open.size > maxOpenRows + closingRows || count - judged > maxOpenRows) {
        throw breach(`more than ${maxOpenRows} rows at once`);
      }
      whole = !more;
      if (whole) folders = [];
      return offered;
    },
    want(file, what, size) {
      asked.set(file, { what, size });
    },
    digest({ file, first, digests }) {
      find(file, 'digest');
      if (first !== 0 || digests.length !== digestLength) throw breach('digests of a small file');
      asked.delete(file);
    },
    chunk({ file, chunk, length }) {
      const one = find(file, 'bytes');
      if (chunk !== 0 || length !== one.size) {
        throw breach(`chunk ${chunk} of ${length} instead of ${one.size} bytes`);
      }
      asked.delete(file);
    },
    isAwaited: (file) => asked.has(file),
    over(file) {
      asked.delete(file);
      open.delete(file);
    },
    judged: () => (judged += 1),
    folderPath: (file) => recent.get(file),
    isOpen(file) {
      if (file >= count) throw breach(`a word on row ${file}, which was not offered,`);
      return open.has(file);
    },
    awaited: () => asked.size,
    isWhole: () => whole,
    isDone: () => whole && open.size === 0,
  };
}

function judge(name: string): SafeName | SharingError {
  try {
    return safeName(name);
  } catch (error) {
    if (error instanceof SharingError) return error;
    throw error;
  }
}

function breach(what: string): SharingError {
  return new SharingError('protocol', `${what} is not legal in this batch`);
}
