import { asSharingError, readingFrom, writeError, type SharingError } from '#sharing/errors.js';
import { isGlob } from '#sharing/storage/glob.js';
import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { openFolder } from '#sharing/storage/folder.js';
import { matching } from '#sharing/storage/matches.js';
import { listPartials, removePartial } from '#sharing/storage/partials.js';
import { plainPath, safePath } from '#sharing/storage/path.js';
import { openShare, type Page } from '#sharing/storage/share.js';
import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';

export { plainPath } from '#sharing/storage/path.js';
export { globMatcher, isGlob } from '#sharing/storage/glob.js';
export type { Entry, Page } from '#sharing/storage/share.js';
export { openSpool, type Spool } from '#sharing/storage/spool.js';
export type { Progress } from '#sharing/transfer/progress.js';

/**
 * Pages of a local folder's rows, by the same rules as a server's list: what is not shown here could not
 * be sent. Throws SharingError `folder-missing`, `not-found`, `not-a-folder` or `no-permission`.
 */
export async function* listLocal(
  folder: string,
  path: string,
): AsyncGenerator<Page, void, undefined> {
  await using share = await openShare(folder, Buffer.alloc(0));
  yield* share.list(safePath(plainPath(path)));
}

/**
 * The files and folders of this machine that match a pattern, in order, as paths like the one that was typed; none when
 * it is no pattern. `base` is where a relative one begins.
 */
export async function matchLocal(base: string, pattern: string): Promise<readonly string[]> {
  const names = pattern.split('/');
  const wild = names.findIndex((name) => isGlob(name));
  if (wild < 0) return [];
  // With a slash at its end `C:` is a drive, and nothing is the root.
  const above = names.slice(0, wild).map((name) => `${name}/`);
  const place = resolve(base, above.join(''));
  try {
    await using root = await openFolder(place);
    await using folders = folderCache(root);
    const found: string[] = [];
    for await (const path of matching(folders, names.slice(wild))) {
      found.push([...names.slice(0, wild), ...path].join('/'));
    }
    return found;
  } catch (error) {
    throw asSharingError(error, 'read-failed');
  }
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
  /** Why it could not be removed. */
  readonly failure?: SharingError;
}

/**
 * What broke off on its way into a folder and can go on, the oldest first; with `remove` it is thrown away, or says why
 * it is not. What is being received at this moment is not among it. Throws SharingError `folder-missing`,
 * `landing-not-private` or `read-failed`.
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
  return await readingFrom(() => listKept(area, remove));
}

async function listKept(area: LandingArea, remove: boolean): Promise<readonly KeptTransfer[]> {
  const kept: KeptTransfer[] = [];
  for (const { token, header, bytes, touched } of await listPartials(area)) {
    const { name, peer, size } = header;
    const one = { name, peer, size, bytes: await bytes(), touched: Math.round(touched * 1000) };
    try {
      if (remove && !(await removePartial(area, token))) continue;
      kept.push(one);
    } catch (error) {
      kept.push({ ...one, failure: writeError(error) });
    }
  }
  return kept;
}
