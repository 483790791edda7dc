import { errnoOf } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import type { PrivateName } from '#sharing/storage/folder.js';
import { holdWithin, isHeld } from '#sharing/storage/lock.js';
import { safePath, type SafeName } from '#sharing/storage/path.js';
import { lstat, open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';

/**
 * Gives the partial a name where a file system has no hard links: the name is reserved by an empty file, which the
 * partial then takes the place of. The reservation is noted first, so that one that a crash leaves behind is known
 * for what it is. False when the name is taken.
 */
export async function takeReserved(
  area: LandingArea,
  partial: PrivateName,
  name: SafeName,
): Promise<boolean> {
  // Its receiver holds a large one already; what holds it here is as good.
  const lockPlace = await area.folder.at(`${tokenOf(partial)}.lock`);
  await using _hold = (await isHeld(lockPlace)) ? undefined : await holdWithin(lockPlace, 0);
  const note = await area.folder.at(noteOf(partial));
  const place = await area.target.at(name);
  // Where nobody sees it, it goes with all else that is left there.
  if (area.below) await writeFile(note, [...area.below, name].join('/'), { mode: 0o600 });
  try {
    if (!(await reserve(place))) return false;
    try {
      await rename(await area.folder.at(partial), place);
    } catch (error) {
      await unlink(place);
      throw error;
    }
    return true;
  } finally {
    if (area.below) await unlink(note);
  }
}

async function reserve(place: string): Promise<boolean> {
  try {
    const file = await open(place, 'wx');
    await file.close();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Milliseconds between a note and its reservation, at most. */
const longestPause = 60_000;
const notePattern = /^([0-9a-f]{32})(?:\.[0-9]+)?\.reserved$/;

/** Removes the reservations of crashed receivers: empty files that came right after their note, and nothing else. */
export async function removeReservations(area: LandingArea): Promise<void> {
  for (const found of await readdir(await area.folder.self())) {
    const [, token] = notePattern.exec(found) ?? [];
    if (token === undefined) continue;
    // What cannot be held now is left for another time.
    await removeUnlessHeld(area, token, found).catch(() => undefined);
  }
}

async function removeUnlessHeld(area: LandingArea, token: string, found: string): Promise<void> {
  // Whoever holds the partial may be about to take the name.
  await using hold = await holdWithin(await area.folder.at(`${token}.lock`), 0);
  if (!hold) return;
  const note = `${await area.folder.self()}/${found}`;
  await removeNoted(area, note).catch(() => undefined);
  await unlink(note);
}

async function removeNoted(area: LandingArea, note: string): Promise<void> {
  const path = safePath(await readFile(note, 'utf8'));
  const name = path.at(-1);
  if (name === undefined) return;
  await using folders = folderCache(area.target);
  const { folder } = await folders.take(path.slice(0, -1));
  await removeReservation(await folder.at(name), note);
}

async function removeReservation(place: string, note: string): Promise<void> {
  const there = await lstat(place).catch(() => undefined);
  const noted = await stat(note).catch(() => undefined);
  if (!there?.isFile() || there.size > 0 || !noted) return;
  // The clock of some file systems is coarse: two seconds for FAT.
  const pause = there.mtimeMs - noted.mtimeMs;
  if (pause >= -2000 && pause <= longestPause) await unlink(place);
}

function noteOf(partial: PrivateName): PrivateName {
  return `${partial.replace(/\.part$/, '')}.reserved`;
}

/** What its receiver holds it by. */
function tokenOf(partial: PrivateName): string {
  return partial.slice(0, 32);
}
