import type { Soon } from '#sharing/soon.js';
import { errnoOf, SharingError } from '#sharing/errors.js';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  copyFile,
  link,
  readFile,
  readlink,
  rename,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that somebody waits for a lock, and between two tries. */
const patience = 5000;
const pause = 20;
/** Milliseconds after which a lock that names no process was left by a crash. */
const oldAge = 2000;

/**
 * Milliseconds after which a lock of a process that cannot be asked about counts as left behind: of one that is
 * held for moments, and of one that is held for a transfer.
 */
const foreignAge = { moment: 10_000, transfer: 24 * 60 * 60 * 1000 };

/**
 * The number of the process that holds a lock; where /proc tells it, when that process began and among which
 * processes its number counts, else dashes; and what no other holder has written.
 */
const holderPattern = /^([1-9][0-9]*) ([0-9]+|-) ([^ ]+) [0-9a-f]{12}$/;

/** A place that is held alone. */
export interface Hold extends AsyncDisposable {
  /** False when somebody took it away, who could not know that we live; `read` reads a text file. */
  isOurs(read?: ReadText): Promise<boolean>;
}

type ReadText = (place: string) => Soon<string>;

const readLater: ReadText = (place) => readFile(place, 'utf8');

/**
 * Holds `place` alone among all processes until it is disposed. The lock names its process from the moment it
 * is there, so that one that a crash left behind is recognised. Throws SharingError `state-busy` when
 * another process keeps it.
 */
export async function lock(place: string): Promise<Hold> {
  const held = await holdWithin(place, patience, foreignAge.moment);
  if (held) return held;
  const [holder = ''] = (await readFile(place, 'utf8').catch(() => '')).split(' ');
  const words = `${place} is held by process ${holder}`;
  throw new SharingError('state-busy', words, { path: place });
}

/** Holds `place` if it can be had within `time` milliseconds; undefined when somebody who lives keeps it. */
export async function holdWithin(
  place: string,
  time: number,
  lifetime = foreignAge.transfer,
): Promise<Hold | undefined> {
  const deadline = performance.now() + time;
  for (;;) {
    const held = await tryLock(place);
    if (held) return held;
    await removeDead(place, lifetime);
    if (performance.now() > deadline) return tryLock(place);
    await delay(pause);
  }
}

/** True while a process that lives holds `place`. */
export async function isHeld(place: string): Promise<boolean> {
  const isThere = await stat(place).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  );
  return isThere && !(await isDead(place, foreignAge.transfer));
}

async function tryLock(place: string): Promise<Hold | undefined> {
  const token = randomBytes(6).toString('hex');
  const own = `${place}.${token}`;
  const holder = [...(await whoWeAre()), token].join(' ');
  try {
    await writeFile(own, holder, { mode: 0o600 });
    await link(own, place);
    return holding(place, holder);
  } catch (error) {
    const errno = errnoOf(error);
    if (isWithoutLinks(errno)) return await lockWithoutLinks(place, holder);
    if (errno !== 'EEXIST') throw error;
    return undefined;
  } finally {
    await unlink(own).catch(() => undefined);
  }
}

/** EISDIR is what exFAT on Windows says (nodejs/node#65817). */
const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR'];

/** True for the error of `link` on a file system that has no hard links. */
export function isWithoutLinks(errno: string | undefined): boolean {
  return errno !== undefined && noLinks.includes(errno);
}

/** For a moment such a lock names nobody; `oldAge` is the time that it has. */
async function lockWithoutLinks(place: string, holder: string): Promise<Hold | undefined> {
  try {
    await writeFile(place, holder, { mode: 0o600, flag: 'wx' });
    return holding(place, holder);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return undefined;
  }
}

function holding(place: string, holder: string): Hold {
  async function isOurs(read: ReadText = readLater): Promise<boolean> {
    try {
      return (await read(place)) === holder;
    } catch (error) {
      // One that cannot be read for want of descriptors was not taken away for that.
      return errnoOf(error) !== 'ENOENT';
    }
  }
  return {
    isOurs,
    async [Symbol.asyncDispose]() {
      if (await isOurs()) await unlink(place).catch(() => undefined);
    },
  };
}

/** Takes a dead lock away; one that came in its place meanwhile is put back. */
async function removeDead(place: string, lifetime: number): Promise<void> {
  if (!(await isDead(place, lifetime))) return;
  const aside = `${place}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(place, aside);
    if (!(await isDead(aside, lifetime))) await putBack(aside, place);
    await unlink(aside);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** What has come there by now stays. */
async function putBack(aside: string, place: string): Promise<void> {
  await link(aside, place)
    // Where there are no links its text does as well.
    .catch(() => copyFile(aside, place, constants.COPYFILE_EXCL))
    .catch(() => undefined);
}

async function isDead(place: string, lifetime: number): Promise<boolean> {
  const text = await readFile(place, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const [, pid, begin, numbers] = holderPattern.exec(text) ?? [];
  const age = Date.now() - ((await stat(place).catch(() => undefined))?.mtimeMs ?? Date.now());
  if (pid === undefined) return age > oldAge;
  const [host, start, space] = numbers?.split('/') ?? [];
  const [ourHost, ourStart = '-', ourSpace] = ((await whoWeAre())[2] ?? '').split('/');
  // On another machine, or in a container of its own, the number says nothing.
  if (host !== ourHost) return age > lifetime;
  const isTold = start !== '-' && ourStart !== '-';
  if (start !== ourStart) return isTold || age > lifetime;
  if (space !== ourSpace) return age > lifetime;
  if (!isRunning(Number(pid))) return true;
  // Numbers are given again: another process may have the holder's by now.
  const now = await beginOf(Number(pid));
  return now !== undefined && begin !== '-' && now !== begin;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

let known: readonly string[] | undefined;

/** Our number, when we began, and among which processes: it stays so for our life. */
async function whoWeAre(): Promise<readonly string[]> {
  return (known ??= await tellWho());
}

async function tellWho(): Promise<readonly string[]> {
  return [String(process.pid), (await beginOf(process.pid)) ?? '-', await numbersOf()];
}

/** When a process began, in ticks of the system: the 22nd field of its line (proc_pid_stat(5)). */
async function beginOf(pid: number): Promise<string | undefined> {
  const line = await told(readFile(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the name in brackets and may hold anything, brackets and blanks too.
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields?.[22 - 3];
}

/** Names the processes among which our number counts: this machine, since it was started, in this container. */
async function numbersOf(): Promise<string> {
  const start = (await told(readFile('/proc/sys/kernel/random/boot_id', 'utf8'))) ?? '-';
  const space = (await told(readlink('/proc/self/ns/pid'))) ?? '-';
  return `${encodeURIComponent(hostname())}/${start.trim()}/${space}`;
}

/** Undefined where the system does not say it. A shortage is thrown: it passes, and must not be remembered for life. */
async function told(reading: Promise<string>): Promise<string | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (['EMFILE', 'ENFILE', 'ENOMEM'].includes(errnoOf(error) ?? '')) throw error;
    return undefined;
  }
}
