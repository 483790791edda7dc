import { errnoOf } from '#sharing/errors.js';
import { shortId } from '#sharing/id.js';
import { openChild, type Folder } from '#sharing/storage/folder.js';
import { isSafeName, safeName, type SafeName } from '#sharing/storage/path.js';
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

/** Opens, and makes if need be, a subfolder of `root`; never through a link. */
export async function openInbox(root: Folder, name: SafeName): Promise<Folder> {
  await mkdir(await root.at(name)).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
  return openChild(root, name);
}
