import { SharingError } from '#sharing/errors.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { isUnchanged } from '#sharing/storage/file-state.js';
import { openRegular, type Folder } from '#sharing/storage/folder.js';
import type { OwnName, SafeName } from '#sharing/storage/path.js';
import { readWhole, sourceOf, type Source } from '#sharing/storage/source.js';
import type { FoundFile } from '#sharing/storage/walk.js';

/**
 * Reads a small file that was found on the way; `target` has room for one byte more. Throws SharingError `changed` when it
 * is not in the state in which it was found.
 */
export function readFound(found: FoundFile, target: Buffer, pace: DiskPace): Promise<void> {
  return inItsFolder(found, async (folder, name) =>
    readWhole(await folder.at(name), found.stats, target, pace),
  );
}

/** Opens a file that was found on the way. Throws as `readFound`. */
export function openFound(found: FoundFile, tagKey: Buffer): Promise<Source> {
  return inItsFolder(found, async (folder, name) => {
    const { handle, stats } = await openRegular(folder, name);
    if (isUnchanged(found.stats, stats)) return sourceOf(handle, stats, tagKey);
    await handle.close();
    throw new SharingError('changed', 'the file changed after it was offered');
  });
}

async function inItsFolder<T>(
  { top, below }: FoundFile,
  work: (folder: Folder, name: SafeName | OwnName) => Promise<T>,
): Promise<T> {
  const path = [...top.at, ...below];
  const name = path.at(-1);
  if (name === undefined) throw new SharingError('internal', 'a file without a name');
  const lease = await top.folders.take(path.slice(0, -1));
  try {
    return await work(lease.folder, name);
  } finally {
    lease.release();
  }
}
