import { asSharingError, errnoOf, SharingError } from '#sharing/errors.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { entriesIn } from '#sharing/storage/entries.js';
import { modificationTime } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import type { FolderCache, Path } from '#sharing/storage/folder-cache.js';
import { isSafeName, maxDepth, type OwnName, type SafeName } from '#sharing/storage/path.js';
import { maxPathLength } from '#sharing/wire/message.js';
import { lstatSync, type BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';

/** A file or folder that was named, and all that lies in it. */
export interface Top {
  /** The name under which it is offered. */
  readonly name: SafeName;
  readonly folders: FolderCache;
  /** Where it lies below the root of `folders`, its own name last. */
  readonly at: Path;
  /** What its user typed for it, if that is another text. */
  readonly typed?: string;
}

/** A thing found on the way, in folder order: a folder before what lies in it. */
export type Found =
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly isTop: boolean;
      readonly mtime: number;
    }
  | FoundFile
  /** Something below the folder that came last cannot be offered, or the folder cannot be read. */
  | { readonly kind: 'problem'; readonly path: string; readonly error: SharingError };

export interface FoundFile {
  readonly kind: 'file';
  /** As it is offered: the top's name and the names below it. */
  readonly path: string;
  readonly top: Top;
  /** Names below the top, its own last; none for a top that is a file. */
  readonly below: readonly SafeName[];
  readonly stats: BigIntStats;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

/** What is left out without a word, counted: links, devices and the like, and names that begin with a dot. */
export interface Left {
  links: number;
  hidden: number;
}

/**
 * All that lies in `top`. What vanishes meanwhile is not there. Throws SharingError when the top itself cannot be
 * offered: `not-found`, `not-a-file`, `no-permission`.
 */
export async function* walk(
  top: Top,
  pace: DiskPace,
  left: Left,
): AsyncGenerator<Found, void, undefined> {
  const stats = await lookAt(top, [], pace);
  if (!stats) throw new SharingError('not-found', 'ENOENT');
  if (stats.isFile()) yield fileOf(top, [], stats);
  else if (stats.isDirectory()) yield* walkFolder(top, [], stats, pace, left);
  else throw new SharingError('not-a-file', 'not a regular file');
}

async function* walkFolder(
  top: Top,
  below: readonly SafeName[],
  stats: BigIntStats,
  pace: DiskPace,
  left: Left,
): AsyncGenerator<Found, void, undefined> {
  const path = pathOf(top, below);
  yield { kind: 'folder', path, isTop: below.length === 0, mtime: modificationTime(stats) };
  const folders: SafeName[] = [];
  let refused = 0;
  try {
    const lease = await top.folders.take([...top.at, ...below]);
    try {
      for await (const { name, type } of entriesIn(lease.folder)) {
        if (name.startsWith('.')) left.hidden += 1;
        else if (type === 'link' || type === 'other') left.links += 1;
        else if (!isSafeName(name) || isTooLong(path, name, below)) refused += 1;
        else if (type === 'folder') folders.push(name);
        else {
          const found = await look(lease.folder, name, pace);
          if (found?.isFile()) yield fileOf(top, [...below, name], found);
        }
      }
    } finally {
      lease.release();
    }
  } catch (error) {
    yield { kind: 'problem', path, error: asSharingError(error, 'read-failed') };
  }
  if (refused > 0) {
    const words = `${refused} of its names cannot be shared`;
    yield { kind: 'problem', path, error: new SharingError('name-refused', words) };
  }
  for (const name of folders) {
    const next = [...below, name];
    try {
      const found = await lookAt(top, next, pace);
      if (found?.isDirectory()) yield* walkFolder(top, next, found, pace, left);
    } catch (error) {
      yield {
        kind: 'problem',
        path: pathOf(top, next),
        error: asSharingError(error, 'read-failed'),
      };
    }
  }
}

/** What no row of an offer holds. */
function isTooLong(above: string, name: string, below: readonly SafeName[]): boolean {
  return below.length + 2 > maxDepth || above.length + 1 + name.length > maxPathLength;
}

async function lookAt(
  { folders, at }: Top,
  below: readonly SafeName[],
  pace: DiskPace,
): Promise<BigIntStats | undefined> {
  const path = [...at, ...below];
  const name = path.at(-1);
  if (name === undefined) throw new SharingError('internal', 'a top without a name');
  const lease = await folders.take(path.slice(0, -1));
  try {
    return await look(lease.folder, name, pace);
  } finally {
    lease.release();
  }
}

/** Undefined for what is not there any more. */
async function look(
  folder: Folder,
  name: SafeName | OwnName,
  pace: DiskPace,
): Promise<BigIntStats | undefined> {
  const place = await folder.at(name);
  try {
    return await pace.run(
      () => lstatSync(place, { bigint: true }),
      () => lstat(place, { bigint: true }),
    );
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function fileOf(top: Top, below: readonly SafeName[], stats: BigIntStats): FoundFile {
  const path = pathOf(top, below);
  return { kind: 'file', path, top, below, stats, mtime: modificationTime(stats) };
}

function pathOf({ name }: Top, below: readonly SafeName[]): string {
  return [name, ...below].join('/');
}
