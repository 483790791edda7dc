import { safePath } from '#sharing/storage/path.js';
import { openShare, type Entry } from '#sharing/storage/share.js';

export type { Entry } from '#sharing/storage/share.js';
export type { Progress } from '#sharing/transfer/progress.js';

/**
 * Pages of a local folder's rows, by the same rules as a server's list: what is not shown here could not
 * be sent. Throws SharingError `folder-missing`, `not-found`, `not-a-folder` or `no-permission`.
 */
export async function* listLocal(
  folder: string,
  path: string,
): AsyncGenerator<readonly Entry[], void, undefined> {
  await using share = await openShare(folder, Buffer.alloc(0));
  yield* share.list(safePath(path.replace(/\/+$/, '')));
}
