import { asSharingError, errnoOf } from '#sharing/errors.js';
import { shortId } from '#sharing/id.js';
import { openChild, type Folder } from '#sharing/storage/folder.js';
import { isSafeName, safeName, type SafeName } from '#sharing/storage/path.js';
import { entrySize, type Room } from '#sharing/storage/room.js';
import { mkdir } from 'node:fs/promises';

/**
 * The subfolder of an inbox that belongs to one client. Its id stands in it, so that nobody comes to another's by
 * a name, not even where the file system takes "Amber" for "amber".
 */
export function inboxName(clientId: string, peerName: string | undefined): SafeName {
  const id = shortId(clientId);
  const name = `${peerName ?? 'unverified'} ${id}`;
  return isSafeName(name) ? name : safeName(`peer ${id}`);
}

/**
 * Opens, and makes if need be, a subfolder of `root`, which counts for whose it is; never through a link. Throws
 * SharingError `no-room` or `over-quota`.
 */
export async function openInbox(root: Folder, name: SafeName, room: Room): Promise<Folder> {
  const there = await openChild(root, name).catch((error: unknown) => {
    if (asSharingError(error).code !== 'not-found') throw error;
    return undefined;
  });
  if (there) return there;
  const reservation = await room.reserve(root, entrySize);
  try {
    await mkdir(await root.at(name));
    reservation.written(entrySize);
    // A receipt for what comes into it must not be lost with its name.
    await root.sync();
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  } finally {
    reservation.release();
  }
  return openChild(root, name);
}
