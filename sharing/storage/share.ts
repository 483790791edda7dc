import { asSharingError, SharingError } from '#sharing/errors.js';
import { modificationTime } from '#sharing/storage/file-state.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { entriesIn } from '#sharing/storage/entries.js';
import { openChild, openFolder, openRegular, type Folder } from '#sharing/storage/folder.js';
import { isSafeName, pathText, type SafeName, type SafePath } from '#sharing/storage/path.js';
import { sourceOf, type Source } from '#sharing/storage/source.js';
import { maxRows } from '#sharing/wire/message.js';
import type { BigIntStats } from 'node:fs';

/** One row of a listing. */
export interface Entry {
  readonly name: SafeName;
  readonly type: 'file' | 'folder';
  /** Bytes; 0 for a folder. */
  readonly size: number;
  /** Modification time in microseconds since 1970. */
  readonly mtime: number;
}

/** A part of a listing. */
export interface Page {
  readonly entries: readonly Entry[];
  /** How many files and folders are left out because their names cannot be shared; on one page, for all of them. */
  readonly unshared: number;
}

/** Reading side of one root: nothing outside it is reached, no link is followed. */
export interface Share extends AsyncDisposable {
  readonly root: Folder;
  /**
   * Pages of at most 500 rows, sorted by name; links, devices and dot names are left out, and names that
   * cannot be shared are counted. Throws SharingError `not-found`, `not-a-folder` or `no-permission`.
   */
  list(path: SafePath): AsyncGenerator<Page, void, undefined>;
  /** Opens a regular file for sending. Throws SharingError `not-found`, `is-folder`, `not-a-file`, `no-permission`. */
  open(path: SafePath): Promise<Source>;
  /** The device's own secret for source tags. */
  readonly tagKey: Buffer;
}

/** Names of one folder that are held for sorting, at most. */
export const maxListed = 100_000;

/** Names of one folder that are looked at, at most, links and the like included. */
const maxLooked = 2 * maxListed;

/** Throws SharingError `list-too-long` when so many names of a folder were found, or so many looked at, are too many. */
export function mustBeListable(found: number, looked: number): void {
  if (found <= maxListed && looked <= maxLooked) return;
  const words = `more than ${maxListed} names`;
  throw new SharingError('list-too-long', words, { limit: maxListed });
}

/** Opens `path` as the root of a share. Throws SharingError `folder-missing` or `no-permission`. */
export async function openShare(path: string, tagKey: Buffer): Promise<Share> {
  return shareOf(await openFolder(path), tagKey);
}

/** The reading side of a folder that is open already; disposing the share closes the folder. */
export function shareOf(root: Folder, tagKey: Buffer): Share {
  return {
    root,
    tagKey,
    async *list(path) {
      await root.mustExist();
      const { folder, close } = await reach(root, path);
      try {
        const { names, unshared } = await sharedNames(folder);
        for (let at = 0; at < names.length; at += maxRows) {
          yield { entries: await rows(folder, names.slice(at, at + maxRows)), unshared: 0 };
        }
        if (names.length === 0 || unshared > 0) yield { entries: [], unshared };
      } finally {
        await close();
      }
    },
    async open(path) {
      const name = path.at(-1);
      if (name === undefined) throw new SharingError('is-folder', 'the share itself');
      await root.mustExist();
      const { folder, close } = await reach(
        root,
        path.slice(0, -1) as readonly SafeName[] as SafePath,
      );
      try {
        const { handle, stats } = await openRegular(folder, name);
        return sourceOf(handle, stats, tagKey);
      } catch (error) {
        throw asSharingError(error, 'read-failed');
      } finally {
        await close();
      }
    },
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  };
}

/** Walks down component by component; each step is opened below the one before. */
async function reach(
  root: Folder,
  path: SafePath,
): Promise<{ folder: Folder; close: () => Promise<void> }> {
  let folder = root;
  const close = async (): Promise<void> => {
    if (folder !== root) await folder[Symbol.asyncDispose]();
  };
  for (const name of path) {
    try {
      const next = await openChild(folder, name);
      await close();
      folder = next;
    } catch (error) {
      await close();
      throw stepError(error, path);
    }
  }
  return { folder, close };
}

function stepError(error: unknown, path: SafePath): SharingError {
  const known = asSharingError(error, 'read-failed');
  // With O_DIRECTORY a link is ENOTDIR or ELOOP; neither is a folder that we share.
  const code = known.code === 'not-a-file' ? 'not-a-folder' : known.code;
  return new SharingError(code, known.message, { path: pathText(path) }, error);
}

async function sharedNames(
  folder: Folder,
): Promise<{ names: readonly SafeName[]; unshared: number }> {
  const names: SafeName[] = [];
  let unshared = 0;
  let looked = 0;
  for await (const page of entriesIn(folder)) {
    looked += page.length;
    for (const { name, type } of page) {
      if (name.startsWith('.') || !(type === 'file' || type === 'folder')) continue;
      if (isSafeName(name)) names.push(name);
      else unshared += 1;
    }
    mustBeListable(names.length, looked);
  }
  return { names: names.sort(byCodeUnits), unshared };
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function rows(folder: Folder, names: readonly SafeName[]): Promise<readonly Entry[]> {
  const found = await Promise.all(names.map((name) => row(folder, name)));
  return found.filter((entry) => entry !== undefined);
}

async function row(folder: Folder, name: SafeName): Promise<Entry | undefined> {
  const stats = await lookAt(folder, name);
  if (!stats || !(stats.isFile() || stats.isDirectory())) return undefined;
  const type = stats.isFile() ? 'file' : 'folder';
  const size = type === 'file' ? Number(stats.size) : 0;
  return { name, type, size, mtime: modificationTime(stats) };
}

/** Undefined for what vanished since the folder was read, or cannot be looked at. */
async function lookAt(folder: Folder, name: SafeName): Promise<BigIntStats | undefined> {
  try {
    return await callsTo(folder.device).lstat(await folder.at(name));
  } catch {
    return undefined;
  }
}
