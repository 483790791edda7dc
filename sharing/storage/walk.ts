import { asSharingError, errnoOf, SharingError } from '#sharing/errors.js';
import { after, type Soon } from '#sharing/soon.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { entriesIn, type FoundEntry } from '#sharing/storage/entries.js';
import { modificationTime, stateOf, type FileState } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import type { FolderCache, Path } from '#sharing/storage/folder-cache.js';
import { isSafeName, maxDepth, type OwnName, type SafeName } from '#sharing/storage/path.js';
import { maxPathLength } from '#sharing/wire/rows.js';
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
  /** The folder that it lies in, below the root of the top's `folders`: one object for all in it. */
  readonly within: Path;
  readonly name: SafeName | OwnName;
  /** Bytes. */
  readonly size: number;
  /** As it was found. */
  readonly state: FileState;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

/** What is left out without a word, counted: links, devices and the like, and names that begin with a dot. */
export interface Left {
  links: number;
  hidden: number;
}

/** The pace of a device, by its number. */
export type PaceOf = (device: bigint) => DiskPace;

/**
 * All that lies in `top`, as it is found. What vanishes meanwhile is not there. Throws SharingError when the top itself cannot be
 * offered: `not-found`, `not-a-file`; or the system's error.
 */
export async function* walk(
  top: Top,
  paceOf: PaceOf,
  left: Left,
): AsyncGenerator<readonly Found[], void, undefined> {
  const stats = await lookAt(top, [], paceOf);
  if (!stats) throw new SharingError('not-found', 'ENOENT');
  const name = top.at.at(-1);
  if (stats.isFile() && name !== undefined) {
    yield [fileOf(top, top.at.slice(0, -1), name, pathOf(top, []), stats)];
  } else if (stats.isDirectory()) yield* walkFolder(top, [], stats, paceOf, left);
  else throw new SharingError('not-a-file', 'not a regular file');
}

async function* walkFolder(
  top: Top,
  below: readonly SafeName[],
  stats: BigIntStats,
  paceOf: PaceOf,
  left: Left,
): AsyncGenerator<readonly Found[], void, undefined> {
  const path = pathOf(top, below);
  const within = [...top.at, ...below];
  // A top that cannot be read is not offered: it would stand there empty.
  if (below.length === 0) (await top.folders.take(within)).release();
  yield [{ kind: 'folder', path, isTop: below.length === 0, mtime: modificationTime(stats) }];
  const folders: SafeName[] = [];
  let refused = 0;

  /** What else is in it is counted, or kept for later. */
  function isFileToSend({ name, type }: FoundEntry): boolean {
    if (name.startsWith('.')) left.hidden += 1;
    else if (type === 'link' || type === 'other') left.links += 1;
    else if (!isSafeName(name) || isTooLong(path, name, below)) refused += 1;
    else if (type === 'folder') folders.push(name);
    else return true;
    return false;
  }

  try {
    const lease = await top.folders.take(within);
    try {
      const pace = paceOf(lease.folder.device);
      for await (const page of entriesIn(lease.folder, pace)) {
        const files: FoundFile[] = [];
        try {
          for (const { name } of page.filter(isFileToSend)) {
            const looked = look(lease.folder, name as SafeName, pace);
            const found = looked instanceof Promise ? await looked : looked;
            if (!found?.isFile()) continue;
            files.push(fileOf(top, within, name as SafeName, `${path}/${name}`, found));
          }
        } catch (error) {
          yield files;
          throw error;
        }
        yield files;
      }
    } finally {
      lease.release();
    }
  } catch (error) {
    yield [{ kind: 'problem', path, error: asSharingError(error, 'read-failed') }];
  }
  if (refused > 0) {
    const words = `${refused} of its names cannot be shared`;
    yield [{ kind: 'problem', path, error: new SharingError('name-refused', words) }];
  }
  for (const name of folders) {
    const next = [...below, name];
    try {
      const found = await lookAt(top, next, paceOf);
      if (found?.isDirectory()) yield* walkFolder(top, next, found, paceOf, left);
    } catch (error) {
      const known = asSharingError(error, 'read-failed');
      yield [{ kind: 'problem', path: pathOf(top, next), error: known }];
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
  paceOf: PaceOf,
): Promise<BigIntStats | undefined> {
  const path = [...at, ...below];
  const name = path.at(-1);
  if (name === undefined) throw new SharingError('internal', 'a top without a name');
  const lease = await folders.take(path.slice(0, -1));
  try {
    return await look(lease.folder, name, paceOf(lease.folder.device));
  } finally {
    lease.release();
  }
}

/** Undefined for what is not there any more. */
function look(
  folder: Folder,
  name: SafeName | OwnName,
  pace: DiskPace,
): Soon<BigIntStats | undefined> {
  return after(folder.at(name), (place) =>
    pace.run(
      () => lstatSync(place, { bigint: true, throwIfNoEntry: false }),
      () => lookLater(place),
    ),
  );
}

async function lookLater(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function fileOf(
  top: Top,
  within: Path,
  name: SafeName | OwnName,
  path: string,
  stats: BigIntStats,
): FoundFile {
  const state = stateOf(stats);
  const mtime = modificationTime(state);
  return { kind: 'file', path, top, within, name, size: Number(stats.size), state, mtime };
}

function pathOf({ name }: Top, below: readonly SafeName[]): string {
  return [name, ...below].join('/');
}
