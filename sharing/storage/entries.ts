import type { Folder } from '#sharing/storage/folder.js';
import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';

/** What the system says is in a folder, before anybody judged it. */
export interface FoundEntry {
  /** Empty when it is not UTF-8: such a name has no text form that could be opened again. */
  readonly name: string;
  readonly type: 'file' | 'folder' | 'link' | 'other';
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Read a few at a time, in no order, so that a folder that is too long costs no more than one that is just not. */
export async function* entriesIn(folder: Folder): AsyncGenerator<FoundEntry, void, undefined> {
  // The types of Node know no buffers here, the function does.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: 256 };
  for await (const found of await opendir(await folder.self(), options)) {
    const entry = found as unknown as Dirent<Buffer>;
    yield { name: decodeName(entry), type: typeOf(entry) };
  }
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
