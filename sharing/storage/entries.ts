import { paceOf } from '#sharing/storage/disk-pace.js';
import type { Folder } from '#sharing/storage/folder.js';
import { opendirSync, type Dir, type Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';

/** What the system says is in a folder, before anybody judged it. */
export interface FoundEntry {
  /** Empty when it is not UTF-8: such a name has no text form that could be opened again. */
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link' | 'other';
}

/** Names that are read at once. */
const pageLength = 256;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Read a page at a time, in no order, so that a folder that is too long costs no more than one that is just not. */
export async function* entriesIn(
  folder: Folder,
  pace = paceOf(folder.device),
): AsyncGenerator<readonly FoundEntry[], void, undefined> {
  // The types of Node know no buffers here, the function does.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: pageLength };
  const place = await folder.self();
  const dir = await pace.run(
    () => opendirSync(place, options),
    () => opendir(place, options),
  );
  try {
    for (;;) {
      const page = await pace.run(
        () => readPageSync(dir),
        () => readPage(dir),
      );
      if (page.length > 0) yield page;
      if (page.length < pageLength) return;
    }
  } finally {
    dir.closeSync();
  }
}

function readPageSync(dir: Dir): FoundEntry[] {
  const page: FoundEntry[] = [];
  for (let found = dir.readSync(); found; found = dir.readSync()) {
    page.push(entryOf(found));
    if (page.length === pageLength) break;
  }
  return page;
}

async function readPage(dir: Dir): Promise<FoundEntry[]> {
  const page: FoundEntry[] = [];
  for (let found = await dir.read(); found; found = await dir.read()) {
    page.push(entryOf(found));
    if (page.length === pageLength) break;
  }
  return page;
}

function entryOf(found: Dirent): FoundEntry {
  const entry = found as unknown as Dirent<Buffer>;
  return { name: decodeName(entry), type: typeOf(entry) };
}

function decodeName({ name }: Dirent<Buffer>): string {
  try {
    return utf8.decode(name);
  } catch {
    return '';
  }
}

function typeOf(entry: Dirent<Buffer>): FoundEntry['type'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
