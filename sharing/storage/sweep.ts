import type { LandingArea } from '#sharing/storage/area.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { readJournal } from '#sharing/storage/journal.js';
import { holdWithin, isHeld } from '#sharing/storage/lock.js';
import { partialLifetime, removePieces } from '#sharing/storage/partials.js';
import { removeReservations } from '#sharing/storage/reservation.js';
import { readdir, unlink } from 'node:fs/promises';

/** A token, what it is of, and who is about to take a lock. */
const ownPattern = /^([0-9a-f]{32})(?:\.[0-9]+)?\.(part|tree|journal|lock)(\.[0-9a-f]{12})?$/;

/**
 * Removes what was left behind here, only under names of our own pattern, and never what somebody holds: at once what
 * no transfer can go on with, the rest when nothing came for `partialLifetime`. `now` is in milliseconds since 1970.
 * Gives the number of things removed.
 */
export async function sweep(area: LandingArea, now: number): Promise<number> {
  await removeReservations(area);
  const pieces = new Map<string, string[]>();
  let removed = 0;
  for (const name of await readdir(await area.folder.self())) {
    const [, token, , beginning] = ownPattern.exec(name) ?? [];
    if (token === undefined) continue;
    if (beginning === undefined) pieces.set(token, [...(pieces.get(token) ?? []), name]);
    else if (await removeBeginning(area, name)) removed += 1;
  }
  for (const [token, names] of pieces) {
    // What cannot be held or looked at now is left for another time.
    removed += await removeIfOver(area, token, names, now).catch(() => 0);
  }
  return removed;
}

/** A lock that somebody wrote, who has ended before taking it. */
async function removeBeginning(area: LandingArea, name: string): Promise<boolean> {
  const place = `${await area.folder.self()}/${name}`;
  if (await isHeld(place)) return false;
  return unlink(place).then(
    () => true,
    () => false,
  );
}

/** Gives the number of things removed. */
async function removeIfOver(
  area: LandingArea,
  token: string,
  names: readonly string[],
  now: number,
): Promise<number> {
  await using hold = await holdWithin(await area.folder.at(`${token}.lock`), 0);
  if (!hold || !(await isOver(area, token, now))) return 0;
  const own = names.filter((name) => !name.endsWith('.lock'));
  await removePieces(area, own);
  return own.length;
}

/** True when no transfer can go on with what lies under a token that we hold, or none has for long. */
async function isOver(area: LandingArea, token: string, now: number): Promise<boolean> {
  const journal = await readJournal(area, token);
  if (!journal) return true;
  const { header, ctimeMs } = journal;
  const isFolder = header?.folder === true;
  const piece = await area.folder.at(isFolder ? `${token}.tree` : `${token}.part`);
  const stats = await callsTo(area.folder.device).find(piece);
  // A partial with a second name has got its final one.
  const isWhole = isFolder ? stats?.isDirectory() : stats?.isFile() && stats.nlink === 1n;
  if (header && isWhole !== true) return true;
  // The change time, not the modification time: a partial gets its source's time just before the end. What lies in
  // a tree says little of when something came last; its journal is touched each time.
  const touched = isFolder ? ctimeMs : Math.max(ctimeMs, Number(stats?.ctimeMs ?? 0));
  return now - touched >= partialLifetime;
}
