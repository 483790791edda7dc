import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { openFolder } from '#sharing/storage/folder.js';
import { listPartials, removePartial } from '#sharing/storage/partials.js';
import { safePath } from '#sharing/storage/path.js';
import { openShare, type Entry } from '#sharing/storage/share.js';

import { lstat } from 'node:fs/promises';

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

/** A file that broke off on its way into a folder, and waits there to go on. */
export interface KeptTransfer {
  /** The name that it will have. */
  readonly name: string;
  /** The id of who sent it. */
  readonly peer: string;
  /** Bytes of the whole file, and those that its part takes on the disk. */
  readonly size: number;
  readonly bytes: number;
  /** When the last of it came, in microseconds since 1970. */
  readonly touched: number;
}

/**
 * What broke off on its way into a folder and can go on, the oldest first; with `remove` it is thrown away. What is
 * being received at this moment is not among it. Throws SharingError `folder-missing` or `landing-not-private`.
 */
export async function keptTransfers(
  folder: string,
  remove: boolean,
): Promise<readonly KeptTransfer[]> {
  await using target = await openFolder(folder);
  // Looking makes nothing.
  const there = await lstat(await target.at('.lanpost')).catch(() => undefined);
  if (!there) return [];
  await using area: LandingArea = await openLandingArea(target);
  const kept: KeptTransfer[] = [];
  for (const { token, header, bytes, touched } of await listPartials(area)) {
    if (remove && !(await removePartial(area, token))) continue;
    const { name, peer, size } = header;
    kept.push({ name, peer, size, bytes, touched: Math.round(touched * 1000) });
  }
  return kept;
}
