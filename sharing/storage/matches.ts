import { globMatcher, isGlob } from '#sharing/storage/glob.js';
import { entriesIn } from '#sharing/storage/entries.js';
import type { FolderCache, Lease, Path } from '#sharing/storage/folder-cache.js';
import { isNoFolder } from '#sharing/storage/folder.js';
import { isSafeName, type SafeName } from '#sharing/storage/path.js';
import { mustBeListable } from '#sharing/storage/share.js';

/**
 * The files and folders below the root of `folders` whose path matches the pattern, name by name, in order. Throws
 * SharingError `list-too-long` for a folder with more names than a list may have.
 */
export async function* matching(
  folders: FolderCache,
  pattern: readonly string[],
  above: Path = [],
): AsyncGenerator<readonly SafeName[], void, undefined> {
  const [part, ...rest] = pattern;
  if (part === undefined) return;
  for (const { name, isFolder } of await namesLike(folders, above, part, rest.length === 0)) {
    if (rest.length === 0) yield [...above, name] as SafeName[];
    else if (isFolder) yield* matching(folders, rest, [...above, name]);
  }
}

async function namesLike(
  folders: FolderCache,
  above: Path,
  part: string,
  isLast: boolean,
): Promise<{ readonly name: SafeName; readonly isFolder: boolean }[]> {
  // What is written out is passed through, and opened in the next step.
  if (!isLast && !isGlob(part)) return isSafeName(part) ? [{ name: part, isFolder: true }] : [];
  const matches = globMatcher(part);
  const found: { name: SafeName; isFolder: boolean }[] = [];
  let looked = 0;
  const lease = await takeIfThere(folders, above);
  if (!lease) return [];
  try {
    for await (const page of entriesIn(lease.folder)) {
      for (const { name, type } of page) {
        if (type !== 'file' && type !== 'folder') continue;
        if (isSafeName(name) && matches(name)) found.push({ name, isFolder: type === 'folder' });
      }
      looked += page.length;
      mustBeListable(found.length, looked);
    }
  } finally {
    lease.release();
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function takeIfThere(folders: FolderCache, path: Path): Promise<Lease | undefined> {
  try {
    return await folders.take(path);
  } catch (error) {
    if (isNoFolder(error)) return undefined;
    throw error;
  }
}
