import { after, type Soon } from '#sharing/soon.js';
import { SharingError } from '#sharing/errors.js';
import { isUnchanged } from '#sharing/storage/file-state.js';
import { openRegular, type Folder } from '#sharing/storage/folder.js';
import type { OwnName, SafeName } from '#sharing/storage/path.js';
import { readWhole, sourceOf, type Source } from '#sharing/storage/source.js';
import type { FoundFile, PaceOf } from '#sharing/storage/walk.js';

/**
 * Reads a small file that was found on the way; `target` has room for one byte more. Throws SharingError `changed` when it
 * is not in the state in which it was found.
 */
export function readFound(found: FoundFile, target: Buffer, paceOf: PaceOf): Soon<void> {
  return inItsFolder(found, (folder, name) =>
    after(folder.at(name), (place) => readWhole(place, found.state, target, paceOf(folder.device))),
  );
}

/** Opens a file that was found on the way. Throws as `readFound`. */
export async function openFound(found: FoundFile, tagKey: Buffer): Promise<Source> {
  return inItsFolder(found, async (folder, name) => {
    const { handle, stats } = await openRegular(folder, name);
    if (isUnchanged(found.state, stats)) return sourceOf(handle, stats, tagKey);
    await handle.close();
    throw new SharingError('changed', 'the file changed after it was offered');
  });
}

/** At once, if the folder is open and the work does not wait. */
function inItsFolder<T>(
  { top, within, name }: FoundFile,
  work: (folder: Folder, name: SafeName | OwnName) => Soon<T>,
): Soon<T> {
  return top.folders.use(within, (folder) => work(folder, name));
}
