import { errnoOf, SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { callsTo, type DiskCalls } from '#sharing/storage/disk-calls.js';
import { isSameFile, type FileState } from '#sharing/storage/file-state.js';
import type { Folder, PrivateName } from '#sharing/storage/folder.js';
import { isWithoutLinks } from '#sharing/storage/lock.js';
import { maxNumber, numbered } from '#sharing/storage/naming.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import { takeReserved } from '#sharing/storage/reservation.js';
import type { Policy } from '#sharing/wire/message.js';
import { rename, unlink } from 'node:fs/promises';

/** A file that is complete, verified and on the disk, and has no final name yet. */
export interface Unpublished {
  /** Which file it is, as its open descriptor says. */
  readonly is: Pick<FileState, 'dev' | 'ino'>;
  /** Bytes that were written and verified. */
  readonly size: number;
  /** Where it lies in the landing area. */
  readonly name: PrivateName;
  /** False when another receiver took it. */
  isOurs(): Promise<boolean>;
}

/** The name that it should get, and what becomes of it when that is taken. */
export interface Wish {
  readonly name: SafeName;
  readonly policy: Policy;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

/** Links the partial to the first free name; where there are no links, reserves the name and renames. */
export async function giveName(
  area: LandingArea,
  { is, size, name: partialName, ...from }: Unpublished,
  wish: Wish,
): Promise<SafeName> {
  const wanted = wish.name;
  const calls = callsTo(area.folder.device);
  const partial = await area.folder.at(partialName);
  // A name is linked, not a handle: what lies under it has to be what was written and verified.
  const there = await calls.lstat(partial);
  if (!isSameFile(is, there)) {
    throw new SharingError('write-failed', 'the partial was replaced');
  }
  const onDisk = Number(there.size);
  if (onDisk !== size) throw notWhole(size, onDisk);
  if (!(await from.isOurs())) throw new SharingError('write-failed', 'the partial was taken over');
  if (replaces(wish.policy) && (await takeName(area, partial, wish))) return wanted;
  const note = (n: number): void => {
    area.numbers.note(area.target.key, wanted, n);
  };
  for (let n = 1; n <= maxNumber; n = n === 1 ? await nextNumber(area, wanted) : n + 1) {
    const name = numbered(wanted, n);
    const place = await area.target.at(name);
    try {
      await calls.link(partial, place);
      note(n);
      return name;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EEXIST') continue;
      if (!isWithoutLinks(errno)) throw error;
    }
    if (await takeReserved(area, partialName, name)) {
      note(n);
      return name;
    }
  }
  throw new SharingError('write-failed', `${maxNumber} names are taken`);
}

/** Of `size` bytes only so many are on the disk, or more. */
export function notWhole(size: number, onDisk: number): SharingError {
  return new SharingError('damaged', `${onDisk} of ${size} bytes landed`, { size, onDisk });
}

/** Behind the last one that was given, if that is still taken: numbers that became free are used again. */
async function nextNumber(
  { numbers, target, folder }: LandingArea,
  name: SafeName,
): Promise<number> {
  const last = numbers.last(target.key, name);
  if (last === undefined) return 2;
  const place = await target.at(numbered(name, last));
  return (await callsTo(folder.device).find(place)) ? last + 1 : 2;
}

/** True for a policy that puts a file in the place of another. */
export function replaces(policy: Policy): boolean {
  return policy === 'overwrite' || policy === 'update';
}

/**
 * The file that was there is there until this moment; a folder or a link is never replaced. False when a newer file came
 * meanwhile, which stays too.
 */
async function takeName(
  area: LandingArea,
  partial: string,
  { name, policy, mtime }: Wish,
): Promise<boolean> {
  if ((await standingOf(area.target, name, policy, mtime)) !== 'instead') return false;
  await rename(partial, await area.target.at(name));
  return true;
}

/**
 * Makes the name durable; one that cannot be is taken away again, for the sender will hear of a failure. Under a policy that
 * replaces it stays: what was there before is gone, and none at all would be worse.
 */
export async function keepName(
  target: Folder,
  file: number,
  name: SafeName,
  policy: Policy,
): Promise<void> {
  try {
    await target.sync();
  } catch (error) {
    if (replaces(policy)) throw error;
    const place = await target.at(name);
    const calls = callsTo(target.device);
    // Somebody may have taken it away meanwhile; what stands there then is not ours.
    if (await isSame(calls, file, place).catch(() => false))
      await unlink(place).catch(() => undefined);
    throw error;
  }
}

async function isSame(calls: DiskCalls, file: number, place: string): Promise<boolean> {
  const [ours, there] = [await calls.fstat(file), await calls.lstat(place)];
  return isSameFile(ours, there);
}
