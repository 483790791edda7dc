import { asSharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { readJournal, type JournalHeader } from '#sharing/storage/journal.js';
import { holdWithin, isHeld } from '#sharing/storage/lock.js';
import type { Stats } from 'node:fs';
import { lstat, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Milliseconds after which a partial that nobody writes to is removed. */
export const partialLifetime = 7 * 24 * 60 * 60 * 1000;
/** Partials that are kept for another time, of one peer and in all; then the oldest goes, of whoever has the most. */
export const maxKept = { perPeer: 8, inAll: 64 };

const journalPattern = /^([0-9a-f]{32})\.journal$/;

/** A partial that waits for its transfer to go on. */
export interface KeptPartial {
  /** 32 hexadecimal digits. */
  readonly token: string;
  readonly header: JournalHeader;
  /** Bytes that it takes on the disk. */
  readonly bytes: () => Promise<number>;
  /** When it was written to, in milliseconds since 1970. */
  readonly touched: number;
}

/** What lies here for another time, the oldest first; what is being received at this moment is not among it. */
export async function listPartials(area: LandingArea): Promise<readonly KeptPartial[]> {
  const kept: KeptPartial[] = [];
  for (const name of await readdir(await area.folder.self())) {
    const [, token] = journalPattern.exec(name) ?? [];
    const one = token === undefined ? undefined : await look(area, token);
    if (one) kept.push(one);
  }
  return kept.sort((a, b) => a.touched - b.touched);
}

/** Removes a partial that nobody holds; false when somebody does. Throws the system's errors. */
export async function removePartial(area: LandingArea, token: string): Promise<boolean> {
  await using hold = await holdIfRoom(await area.folder.at(`${token}.lock`));
  if (!hold) return false;
  await removePieces(area, [`${token}.part`, `${token}.tree`, `${token}.journal`]);
  return true;
}

/** Where there is no room even for a lock it is enough that nobody holds the place: what is removed makes some. */
async function holdIfRoom(place: string): Promise<AsyncDisposable | undefined> {
  try {
    return await holdWithin(place, 0);
  } catch (error) {
    if (asSharingError(error).code !== 'no-room') throw error;
    const held = { [Symbol.asyncDispose]: () => Promise.resolve() };
    return (await isHeld(place)) ? undefined : held;
  }
}

/** Removes what lies under these names of our own, as far as it can be; the token is held. */
export async function removePieces(area: LandingArea, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const place = `${await area.folder.self()}/${name}`;
    await (name.endsWith('.tree') ? removeTree(place) : unlink(place)).catch(() => undefined);
  }
}

type Leaver = Pick<JournalHeader, 'peer' | 'stranger'>;

/** Makes room for one more of whom it is: partials must not pile up, whoever leaves them. */
export async function thinOut(area: LandingArea, newcomer: Leaver): Promise<void> {
  const all = await listPartials(area);
  const own = all.filter(({ header }) => header.peer === newcomer.peer);
  const tooMany = new Set(own.slice(0, Math.max(0, own.length - maxKept.perPeer + 1)));
  for (;;) {
    const left = all.filter((one) => !tooMany.has(one));
    const first = left.length < maxKept.inAll ? undefined : oldestOfMost(left, newcomer);
    if (!first) break;
    tooMany.add(first);
  }
  // What cannot be removed now is no reason to refuse a file.
  for (const { token } of tooMany) await removePartial(area, token).catch(() => false);
}

/** Nobody throws away what another left by leaving more; strangers, whose keys are free, are one. */
function oldestOfMost(kept: readonly KeptPartial[], newcomer: Leaver): KeptPartial | undefined {
  const whose = ({ peer, stranger }: Leaver): string => (stranger ? 'strangers' : peer);
  const counts = new Map([[whose(newcomer), 1]]);
  for (const { header } of kept) counts.set(whose(header), (counts.get(whose(header)) ?? 0) + 1);
  const most = Math.max(...kept.map(({ header }) => counts.get(whose(header)) ?? 0));
  return kept.find(({ header }) => counts.get(whose(header)) === most);
}

/** Removes a tree that was left here; links in it, which are never ours, are not followed. */
export async function removeTree(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true });
}

/** Bytes of all that lies in a tree. */
async function treeBytes(place: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(place, { withFileTypes: true, recursive: true })) {
    const stats = await lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    if (stats?.isFile()) bytes += diskBytes(stats);
  }
  return bytes;
}

/** Where blocks are not counted there is only the length. */
function diskBytes({ blocks, size }: Stats): number {
  return blocks > 0 ? blocks * 512 : size;
}

/** Undefined for what nobody can go on with, or cannot now. */
async function look(area: LandingArea, token: string): Promise<KeptPartial | undefined> {
  if (await isHeld(await area.folder.at(`${token}.lock`))) return undefined;
  const journal = await readJournal(area, token).catch(() => undefined);
  const header = journal?.header;
  if (!header) return undefined;
  const place = await area.folder.at(header.folder ? `${token}.tree` : `${token}.part`);
  const part = await lstat(place).catch(() => undefined);
  if (header.folder ? !part?.isDirectory() : !part?.isFile()) return undefined;
  const touched = header.folder ? journal.ctimeMs : (part?.ctimeMs ?? 0);
  const bytes = async (): Promise<number> =>
    header.folder ? treeBytes(place) : part ? diskBytes(part) : 0;
  return { token, header, bytes, touched };
}
