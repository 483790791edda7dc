import type { LandingArea } from '#sharing/storage/area.js';
import { readJournalHeader, type JournalHeader } from '#sharing/storage/journal.js';
import { holdWithin, isHeld } from '#sharing/storage/lock.js';
import { constants } from 'node:fs';
import { lstat, open, readdir, unlink } from 'node:fs/promises';

/** Milliseconds after which a partial that nobody writes to is removed. */
export const partialLifetime = 7 * 24 * 60 * 60 * 1000;
/** Partials that are kept for another time, of one peer and in all; then the oldest goes. */
export const maxKept = { perPeer: 8, inAll: 64 };

const ownPattern = /^([0-9a-f]{32})\.(part|journal|lock)(\.[0-9a-f]{12})?$/;

/** A partial that waits for its transfer to go on. */
export interface KeptPartial {
  /** 32 hexadecimal digits. */
  readonly token: string;
  readonly header: JournalHeader;
  /** Bytes that it takes on the disk. */
  readonly bytes: number;
  /** When it was written to, in milliseconds since 1970. */
  readonly touched: number;
}

/** What lies here for another time, the oldest first; what is being received at this moment is not among it. */
export async function listPartials(area: LandingArea): Promise<readonly KeptPartial[]> {
  const kept: KeptPartial[] = [];
  for (const name of await readdir(await area.folder.self())) {
    const [, token, kind] = ownPattern.exec(name) ?? [];
    if (token === undefined || kind !== 'journal') continue;
    const one = await look(area, token);
    if (one) kept.push(one);
  }
  return kept.sort((a, b) => a.touched - b.touched);
}

/** Removes a partial that nobody holds; false when somebody does. */
export async function removePartial(area: LandingArea, token: string): Promise<boolean> {
  await using hold = await holdWithin(await area.folder.at(`${token}.lock`), 0);
  if (!hold) return false;
  await unlink(await area.folder.at(`${token}.part`)).catch(() => undefined);
  await unlink(await area.folder.at(`${token}.journal`)).catch(() => undefined);
  return true;
}

/** Makes room for one more of this peer: partials must not pile up, whoever leaves them. */
export async function thinOut(area: LandingArea, peer: string): Promise<void> {
  const all = await listPartials(area);
  const own = all.filter(({ header }) => header.peer === peer);
  const tooMany = [
    ...all.slice(0, Math.max(0, all.length - maxKept.inAll + 1)),
    ...own.slice(0, Math.max(0, own.length - maxKept.perPeer + 1)),
  ];
  // What cannot be removed now is no reason to refuse a file.
  for (const { token } of tooMany) await removePartial(area, token).catch(() => false);
}

/**
 * Removes what was left here and not written to for `partialLifetime`: only names of our own pattern. `now`
 * is in milliseconds since 1970. Gives the number of files removed.
 */
export async function removeExpired(area: LandingArea, now: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(await area.folder.self())) {
    if (!ownPattern.test(name)) continue;
    const place = `${await area.folder.self()}/${name}`;
    const stats = await lstat(place).catch(() => undefined);
    // The change time, not the modification time: a partial gets its source's time just before the end.
    if (!stats?.isFile() || now - stats.ctimeMs < partialLifetime) continue;
    await unlink(place).catch(() => undefined);
    removed += 1;
  }
  return removed;
}

async function look(area: LandingArea, token: string): Promise<KeptPartial | undefined> {
  if (await isHeld(await area.folder.at(`${token}.lock`))) return undefined;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const journal = await open(await area.folder.at(`${token}.journal`), flags).catch(
    () => undefined,
  );
  if (!journal) return undefined;
  try {
    const header = await readJournalHeader(journal);
    const part = await lstat(await area.folder.at(`${token}.part`)).catch(() => undefined);
    if (!header || !part?.isFile()) return undefined;
    // Where blocks are not counted there is only the length.
    const bytes = part.blocks > 0 ? part.blocks * 512 : part.size;
    return { token, header, bytes, touched: part.ctimeMs };
  } finally {
    await journal.close();
  }
}
