import { asSharingError, errnoOf, SharingError, type ErrorFacts } from '#sharing/errors.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import {
  fileFlags,
  keyOf,
  openChild,
  type Folder,
  type PrivateName,
} from '#sharing/storage/folder.js';
import { takenNumbers, type TakenNumbers } from '#sharing/storage/naming.js';
import { passingNames, type PassingNames } from '#sharing/storage/token.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { BigIntStats } from 'node:fs';
import { mkdir, open, rmdir, type FileHandle } from 'node:fs/promises';

/** The folder `.lanpost` in a receiving folder: ours alone, on the same file system as the final names. */
export interface LandingArea extends AsyncDisposable {
  /** Where files get their final names. */
  readonly target: Folder;
  /**
   * The names from the receiving folder down to `target`, none when it is that folder itself; undefined when nobody
   * sees it.
   */
  readonly below: readonly SafeName[] | undefined;
  /** `.lanpost` itself. */
  readonly folder: Folder;
  /** Names for what lies in it for moments. */
  readonly names: PassingNames;
  /** The last number that each name got (`takenNumbers`). */
  readonly numbers: TakenNumbers;
  /** Whoever brings files into it is a stranger: what strangers leave for another time counts together. */
  readonly ofStrangers?: boolean;
}

const areaName = '.lanpost';

/**
 * Opens, and makes if need be, the landing area of `target`, which it keeps open but does not own.
 * Throws SharingError `landing-not-private` when it is a link, another user's, or open to others; with `why` as `modes` when
 * it was made just now and is so all the same.
 */
export async function openLandingArea(target: Folder): Promise<LandingArea> {
  await target.mustExist();
  const place = await target.at(areaName);
  const isNew = await mkdir(place, { mode: 0o700 }).then(
    () => true,
    (error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return false;
    },
  );
  const path = `${target.path}/${areaName}`;
  const exposed = (why: ErrorFacts = {}): SharingError =>
    new SharingError('landing-not-private', `${path} is not private`, { path, ...why });
  // Opened without following a link, then judged by its handle: nobody can put another in its place between.
  const folder = await openChild(target, areaName).catch((error: unknown) => {
    const notOurs = ['not-a-folder', 'not-a-file', 'no-permission'];
    throw notOurs.includes(asSharingError(error).code) ? exposed() : error;
  });
  const isOurs = await isPrivate(folder).catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  if (isOurs) {
    const names = passingNames(folder);
    return {
      target,
      below: [],
      folder,
      names,
      numbers: takenNumbers(),
      async [Symbol.asyncDispose]() {
        try {
          await names[Symbol.asyncDispose]();
        } finally {
          await folder[Symbol.asyncDispose]();
        }
      },
    };
  }
  await folder[Symbol.asyncDispose]();
  if (!isNew) throw exposed();
  // The disk knows no owners or no modes, and no chmod would help.
  await rmdir(place).catch(() => undefined);
  throw exposed({ why: 'modes' });
}

async function isPrivate(folder: Folder): Promise<boolean> {
  return isOursAlone(await callsTo(folder.device).stat(await folder.self()));
}

function isOursAlone({ uid, mode }: BigIntStats): boolean {
  const ours = process.getuid === undefined || uid === BigInt(process.getuid());
  return ours && (process.platform === 'win32' || (mode & 0o077n) === 0n);
}

/** True while `path` leads to the receiving folder of this area, and the area lies in it and is private. */
export async function stillStands({ target, folder }: LandingArea, path: string): Promise<boolean> {
  const calls = callsTo(target.device);
  try {
    const [there, area] = [await calls.stat(path), await calls.lstat(await target.at(areaName))];
    return keyOf(there) === target.key && keyOf(area) === folder.key && isOursAlone(area);
  } catch {
    return false;
  }
}

/** Errors of a place where there is no plain file: a missing one, a link, a folder, a socket. */
const notPlain = ['ENOENT', 'ELOOP', 'EISDIR', 'ENXIO'];

/**
 * Opens a file of our own in it; undefined where there is none, or something else. `access` is O_RDONLY or O_RDWR.
 * Throws the system's other errors: what cannot be opened now is there all the same.
 */
export async function openOwn(
  { folder }: LandingArea,
  name: PrivateName,
  access: number,
): Promise<FileHandle | undefined> {
  const handle = await open(await folder.at(name), access | fileFlags).catch((error: unknown) => {
    if (!notPlain.includes(errnoOf(error) ?? '')) throw error;
    return undefined;
  });
  try {
    const stats = await handle?.stat();
    // A second name would let somebody change it after it was verified.
    if (stats?.isFile() === true && stats.nlink === 1) return handle;
  } catch (error) {
    await handle?.close();
    throw error;
  }
  await handle?.close();
  return undefined;
}

/** A landing area that is opened and checked once, when it is needed. */
export interface LazyArea extends AsyncDisposable {
  readonly open: () => Promise<LandingArea>;
}

/** `openTarget` gives the receiving folder; it is closed with the area if `owned`. */
export function lazyArea(
  openTarget: () => Promise<Folder>,
  owned: boolean,
  ofStrangers = false,
): LazyArea {
  const opened: AsyncDisposable[] = [];
  let area: Promise<LandingArea> | undefined;

  async function open(): Promise<LandingArea> {
    const target = await openTarget();
    if (owned) opened.unshift(target);
    const landing = await openLandingArea(target);
    opened.unshift(landing);
    return { ...landing, ofStrangers };
  }

  return {
    open: () => (area ??= open()),
    async [Symbol.asyncDispose]() {
      await area?.catch(() => undefined);
      for (const one of opened) await one[Symbol.asyncDispose]();
    },
  };
}
