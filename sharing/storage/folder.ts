import { closeOnce } from '#sharing/storage/descriptor.js';
import { callsElsewhere, callsTo, type DiskCalls } from '#sharing/storage/disk-calls.js';
import { asSharingError, errnoOf, SharingError, type ErrorCode } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import { isSameFile } from '#sharing/storage/file-state.js';
import type { OwnName, SafeName } from '#sharing/storage/path.js';
import { constants, existsSync, type BigIntStats } from 'node:fs';
import { lstat, mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * A folder held open. On Linux its children are reached through the handle, so that nobody who swaps
 * the folder for a link can lead us elsewhere; on other systems the folder is compared with the
 * one that was opened before each use, which leaves a short race (PROTOCOL.md, "Attacks").
 */
export interface Folder extends AsyncDisposable {
  readonly way: FolderWay;
  /** Says which folder it is, whatever it is called: another one has another key while this one is there. */
  readonly key: string;
  /** Number of the device that it lies on (`st_dev` of stat(2)). */
  readonly device: bigint;
  /** As the user named it; for messages only. */
  readonly path: string;
  /**
   * Where file calls reach the child `name`: known at once through a handle. Throws SharingError `folder-gone` if the folder
   * was replaced.
   */
  at(name: SafeName | OwnName | PrivateName): Soon<string>;
  /** Where file calls reach the folder itself. */
  self(): Promise<string>;
  /** Throws SharingError `folder-gone` when the folder was removed: through its handle it would only look empty. */
  mustExist(): Promise<void>;
  /** Makes names in this folder durable; systems that cannot do it do nothing. */
  sync(): Promise<void>;
}

/** `handle`: through the open handle. `compare`: by path, after comparing device and inode. */
export type FolderWay = 'handle' | 'compare';

/** A name of our own inside `.lanpost`, or `.lanpost` itself; never from a peer. */
export type PrivateName =
  | '.lanpost'
  | `${string}.part`
  | `${string}.tree`
  | `${string}.journal`
  | `${string}.lock`
  | `${string}.reserved`;

// Flags that a system lacks are undefined there, and `|` takes undefined for 0.
const noFollow = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const directoryFlags = noFollow | constants.O_DIRECTORY;
/** For files that are read: no link is followed, no FIFO waited for. */
export const fileFlags = noFollow | constants.O_NOCTTY;
const bestWay: FolderWay =
  process.platform === 'linux' && existsSync('/proc/self/fd') ? 'handle' : 'compare';

/**
 * Opens the folder that the user named; links in the user's own words are followed. Throws SharingError `folder-missing`,
 * `no-permission` or `read-failed`.
 */
export async function openFolder(path: string, way: FolderWay = bestWay): Promise<Folder> {
  try {
    const file = await callsElsewhere.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    return await hold(file, callsElsewhere.fstat, path, resolve(path), way);
  } catch (error) {
    throw folderError(error, path);
  }
}

/**
 * Makes a folder, and those above it that are missing, and makes their names durable. Rejects with the system's error; Node's
 * own way never ends where the system says that what is above is missing and it is not, as in /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  const makeOne = async (): Promise<string | undefined> => {
    try {
      await mkdir(path);
    } catch (error) {
      const isThere = await stat(path).then(
        (stats) => stats.isDirectory(),
        () => false,
      );
      if (isThere) return undefined;
      if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
      return dirname(path);
    }
    await syncPlace(dirname(path));
    return undefined;
  };
  const above = await makeOne();
  if (above === undefined) return;
  await makeFolder(above);
  if ((await makeOne()) === undefined) return;
  throw Object.assign(new Error(`${path} cannot be made`), { code: 'ENOENT' });
}

/** A folder that may be written to and not read cannot be synced. */
async function syncPlace(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch(
    () => undefined,
  );
  try {
    if (handle) await syncFolder(() => handle.sync());
  } finally {
    await handle?.close();
  }
}

/**
 * Opens a child folder, never through a link. `isOurs`: we made it, so it is on the disk of its parent, at whose pace it is opened.
 * Any other may be the place of a mount that answers slowly, or never: it is opened in the thread pool.
 */
export async function openChild(
  parent: Folder,
  name: SafeName | OwnName | PrivateName,
  isOurs = false,
): Promise<Folder> {
  const place = await parent.at(name);
  // Where O_NOFOLLOW does not exist the link has to be seen before.
  if (parent.way === 'compare' && !(await lstat(place)).isDirectory()) {
    throw new SharingError('not-a-folder', 'not a folder');
  }
  const { open, fstat } = isOurs ? callsTo(parent.device) : callsElsewhere;
  const file = await open(place, directoryFlags);
  return hold(file, fstat, join(parent.path, name), place, parent.way);
}

const noFolder: readonly ErrorCode[] = ['not-found', 'not-a-folder', 'not-a-file'];

/** True when a child could not be opened because no folder has its name. */
export function isNoFolder(error: unknown): boolean {
  return noFolder.includes(asSharingError(error).code);
}

/**
 * Opens a child that must be a regular file, never through a link, never waiting for a FIFO. Throws
 * SharingError `not-a-file`, `is-folder` or `changed`, or the system's error.
 */
export async function openRegular(
  parent: Folder,
  name: SafeName | OwnName,
): Promise<{ handle: FileHandle; stats: BigIntStats }> {
  const place = await parent.at(name);
  const calls = callsTo(parent.device);
  // Opening a device can do something to it, so it is looked at before, and again when it is open.
  const before = await calls.lstat(place);
  if (!before.isFile()) throw kindError(before);
  const handle = await openQuietly(place);
  try {
    const stats = await calls.fstat(handle.fd);
    if (!stats.isFile()) throw kindError(stats);
    if (before.ino !== stats.ino) {
      throw new SharingError('changed', 'the file was replaced while it was opened');
    }
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openQuietly(place: string): Promise<FileHandle> {
  try {
    return await open(place, fileFlags);
  } catch (error) {
    // A socket cannot be opened at all (ENXIO), a link is ELOOP: neither is a file that we share.
    if (errnoOf(error) !== 'ENXIO' && errnoOf(error) !== 'ELOOP') throw error;
    throw new SharingError('not-a-file', 'not a regular file', {}, error);
  }
}

function kindError(stats: BigIntStats): SharingError {
  return stats.isDirectory()
    ? new SharingError('is-folder', 'a folder')
    : new SharingError('not-a-file', 'not a regular file');
}

/** `look` looks at the open folder; `place` is where it lies, for the way of comparing. */
async function hold(
  file: number,
  look: DiskCalls['fstat'],
  path: string,
  place: string,
  way: FolderWay,
): Promise<Folder> {
  const close = closeOnce(file);
  let stats: BigIntStats;
  try {
    stats = await look(file);
  } catch (error) {
    close();
    throw error;
  }
  const calls = callsTo(stats.dev);
  /** After its end the number may be another's. */
  let isOpen = true;
  const through = (): string => `/proc/self/fd/${isOpen ? file : -1}`;
  const mustBeOpen = (): void => {
    if (!isOpen) throw gone(path);
  };
  const compared = async (): Promise<string> => {
    try {
      if (isSameFile(await calls.stat(place), stats)) return place;
    } catch {
      // What cannot be looked at is not there for us.
    }
    throw gone(path);
  };
  const self = async (): Promise<string> => (way === 'handle' ? through() : compared());
  return {
    way,
    key: keyOf(stats),
    device: stats.dev,
    path,
    self,
    at: (name) =>
      way === 'handle' ? `${through()}/${name}` : compared().then((here) => `${here}/${name}`),
    async mustExist() {
      await self();
      mustBeOpen();
      if ((await calls.fstat(file)).nlink === 0n) throw gone(path);
    },
    sync: async () => {
      mustBeOpen();
      await syncFolder(() => calls.fsync(file));
    },
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await Promise.resolve();
      close();
    },
  };
}

async function syncFolder(sync: () => Soon<void>): Promise<void> {
  try {
    await sync();
  } catch (error) {
    // Windows and some network file systems cannot sync a folder.
    if (!['EPERM', 'EINVAL', 'EBADF', 'EISDIR', 'ENOTSUP'].includes(errnoOf(error) ?? ''))
      throw error;
  }
}

/** Says which file or folder it is. */
export function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function gone(path: string): SharingError {
  return new SharingError('folder-gone', `${path} was removed`, { path });
}

function folderError(error: unknown, path: string): SharingError {
  const code = errnoOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const words = code === 'ENOENT' ? `there is no folder ${path}` : `${path} is not a folder`;
    return new SharingError('folder-missing', words, { path }, error);
  }
  return code === 'EACCES' || code === 'EPERM'
    ? new SharingError('no-permission', `no permission to open ${path}`, { path }, error)
    : asSharingError(error, 'read-failed');
}
