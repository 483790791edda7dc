import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** What tells one state of a file from another. */
export type FileState = Readonly<
  Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'nlink' | 'mtimeNs' | 'ctimeNs'>
>;

/** Just that, where it is kept for long: all that the system told takes a kilobyte. */
export function stateOf({ dev, ino, size, nlink, mtimeNs, ctimeNs }: BigIntStats): FileState {
  return { dev, ino, size, nlink, mtimeNs, ctimeNs };
}

/** Names this state of this file: whatever is written to it, or put in its place, has another name. */
export function stateName({ dev, ino, size, mtimeNs, ctimeNs }: FileState): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

/** True while nothing was written to the file. A name that it gained or lost moves its change time too. */
export function isUnchanged(before: FileState, now: FileState): boolean {
  const named = before.nlink !== now.nlink;
  return (
    now.mtimeNs === before.mtimeNs &&
    now.size === before.size &&
    (named || now.ctimeNs === before.ctimeNs) &&
    isSameFile(now, before)
  );
}

type Place = Pick<FileState, 'dev' | 'ino'>;

/** True for one file or folder, whatever it is called and whatever was written to it. */
export function isSameFile(one: Place, other: Place): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Modification time in microseconds since 1970, as near as a message can say it (PROTOCOL.md, "Messages"). */
export function modificationTime({ mtimeNs }: Pick<FileState, 'mtimeNs'>): number {
  const time = Number(mtimeNs / 1000n);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, time));
}

/** Gives a file its modification time, in microseconds since 1970. */
export async function setModificationTime(file: FileHandle, time: number): Promise<void> {
  const seconds = secondsOf(time);
  await file.utimes(seconds, seconds);
}

/** A time in microseconds since 1970 as file calls take it: as text before that year, where Node takes a number for "now". */
export function secondsOf(time: number): string | number {
  const seconds = time / 1e6;
  // The fraction of a double is cut off on its way to nanoseconds, and must not lose a microsecond there.
  const cut = Math.trunc(Math.trunc((seconds % 1) * 1e9) / 1000);
  const exact = cut < time % 1e6 ? seconds + 3e-7 : seconds;
  return exact < 0 ? String(exact) : exact;
}
