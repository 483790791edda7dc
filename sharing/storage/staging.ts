import { errnoOf, SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { isNoFolder, openChild, type Folder } from '#sharing/storage/folder.js';
import { encodeJournalHeader, readJournal } from '#sharing/storage/journal.js';
import { leftovers, type Leftovers } from '#sharing/storage/leftovers.js';
import { maxNumber, numbered } from '#sharing/storage/naming.js';
import { removePartial, removeTree, thinOut } from '#sharing/storage/partials.js';
import type { SafeName } from '#sharing/storage/path.js';
import { holdToken, type HeldToken } from '#sharing/storage/token.js';
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises';

/** A folder on its way in: it grows where nobody sees it, and appears whole. */
export interface Staging {
  readonly folder: Folder;
  /** What of it lies here from an earlier attempt; undefined when it was made just now. */
  readonly leftovers: Leftovers | undefined;
  /** Something came: it is kept for another while. */
  touch(): Promise<void>;
  /**
   * Gives it the first free name that `name` leads to, by one rename that nothing has to make place for, and makes that
   * durable. What lies in it must be durable by then. When that fails it keeps the name, whole as it is; a power cut may take
   * the name away.
   */
  place(name: SafeName): Promise<SafeName>;
  /** Lets go of it; what has come is kept for another time if `keep`. Does nothing after `place`. */
  leave(keep: boolean): Promise<void>;
}

/** Milliseconds after which it is noted again that something came. */
const touchTime = 60_000;
/** Begins a folder that a peer sends, or goes on with what is left of it from an earlier time. */
export async function openStaging(
  area: LandingArea,
  peer: string,
  name: SafeName,
): Promise<Staging> {
  // A slash, so that it is not the token of a file of that name.
  const held = await holdToken(area, peer, `${name}/`);
  try {
    const found = await openLeft(area, held.token, peer, name);
    const folder = found ?? (await makeTree(area, held.token, peer, name));
    await touchJournal(area, held.token).catch(async (error: unknown) => {
      await folder[Symbol.asyncDispose]();
      throw error;
    });
    return stagingOf(area, held, folder, found ? leftovers() : undefined);
  } catch (error) {
    await held.hold[Symbol.asyncDispose]();
    throw error;
  }
}

function stagingOf(
  area: LandingArea,
  { token, isOwned, hold }: HeldToken,
  folder: Folder,
  left: Leftovers | undefined,
): Staging {
  let over = false;
  let touched = performance.now();

  async function letGo(): Promise<void> {
    over = true;
    await folder[Symbol.asyncDispose]();
  }

  return {
    folder,
    leftovers: left,
    async touch() {
      if (performance.now() - touched < touchTime) return;
      touched = performance.now();
      await touchJournal(area, token);
    },
    async place(wanted) {
      if (!(await hold.isOurs()))
        throw new SharingError('write-failed', 'the folder was taken over');
      const name = await giveName(area, await area.folder.at(`${token}.tree`), wanted);
      await area.target.sync();
      await unlink(await area.folder.at(`${token}.journal`)).catch(() => undefined);
      await letGo();
      await hold[Symbol.asyncDispose]();
      return name;
    },
    async leave(keep) {
      if (over) return;
      await letGo();
      const ours = await hold.isOurs();
      await hold[Symbol.asyncDispose]();
      if ((!keep || !isOwned) && ours) await removePartial(area, token);
    },
  };
}

/** Notes that something came. */
async function touchJournal(area: LandingArea, token: string): Promise<void> {
  const journal = await open(await area.folder.at(`${token}.journal`), 'r+');
  try {
    const now = new Date();
    await journal.utimes(now, now);
  } finally {
    await journal.close();
  }
}

async function giveName(area: LandingArea, tree: string, wanted: SafeName): Promise<SafeName> {
  for (let n = 1; n <= maxNumber; n += 1) {
    const name = numbered(wanted, n);
    const place = await area.target.at(name);
    // An empty folder would be taken for none by the rename.
    if (await lstat(place).catch(() => undefined)) continue;
    try {
      await rename(tree, place);
      return name;
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
  throw new SharingError('write-failed', `${maxNumber} names are taken`);
}

/** What the same peer left under the same name. Throws the system's errors: it may be there all the same. */
async function openLeft(
  area: LandingArea,
  token: string,
  peer: string,
  name: SafeName,
): Promise<Folder | undefined> {
  const header = (await readJournal(area, token))?.header;
  if (header?.folder !== true || header.peer !== peer || header.name !== name) return undefined;
  return openChild(area.folder, `${token}.tree`).catch((error: unknown) => {
    if (!isNoFolder(error)) throw error;
    return undefined;
  });
}

async function makeTree(
  area: LandingArea,
  token: string,
  peer: string,
  name: SafeName,
): Promise<Folder> {
  const stranger = area.ofStrangers ? true : undefined;
  await thinOut(area, { peer, stranger });
  await clear(area, token);
  const header = {
    algorithm: 'blake3',
    peer,
    tag: '',
    name,
    size: 0,
    mtime: 0,
    folder: true,
    stranger,
  } as const;
  const place = await area.folder.at(`${token}.journal`);
  const journal = await open(place, 'wx', 0o600);
  try {
    await journal.write(encodeJournalHeader(header), 0, undefined, 0);
  } finally {
    await journal.close();
  }
  // Who may enter it later follows the umask, never the peer; until then nobody may enter what it lies in.
  await mkdir(await area.folder.at(`${token}.tree`));
  return openChild(area.folder, `${token}.tree`);
}

/** What lies here under our names and is no folder of this peer. */
async function clear(area: LandingArea, token: string): Promise<void> {
  await unlink(await area.folder.at(`${token}.journal`)).catch(() => undefined);
  // Without its journal nobody would go on with it, nor count it.
  await removeTree(await area.folder.at(`${token}.tree`));
}
