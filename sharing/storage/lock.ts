import { errnoOf, SharingError } from '#sharing/errors.js';
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that somebody waits for a lock, and between two tries. */
const patience = 5000;
const pause = 20;
/** Milliseconds after which a lock that names no process was left by a crash. */
const oldAge = 2000;

/** The number of the process that holds a lock and, where /proc tells it, when that process began. */
const holderPattern = /^([1-9][0-9]*)(?: ([0-9]+))?$/;

/**
 * Holds `place` alone among all processes until it is disposed. The lock names its process from the moment it
 * is there, so that one that a crash left behind is recognised. Throws SharingError `state-busy` when
 * another process keeps it.
 */
export async function lock(place: string): Promise<AsyncDisposable> {
  const deadline = performance.now() + patience;
  while (!(await tryLock(place))) {
    await removeDead(place);
    if (performance.now() > deadline) {
      const [holder = ''] = (await readFile(place, 'utf8').catch(() => '')).split(' ');
      const words = `${place} is held by process ${holder}`;
      throw new SharingError('state-busy', words, { path: place });
    }
    await delay(pause);
  }
  return { [Symbol.asyncDispose]: () => unlink(place) };
}

/** Holds `place` if nobody who lives does; undefined when somebody else has it, this process included. */
export async function tryHold(place: string): Promise<AsyncDisposable | undefined> {
  for (let tries = 0; tries < 2; tries += 1) {
    if (await tryLock(place)) return { [Symbol.asyncDispose]: () => unlink(place) };
    await removeDead(place);
  }
  return undefined;
}

async function tryLock(place: string): Promise<boolean> {
  const own = `${place}.${randomBytes(6).toString('hex')}`;
  const holder = `${process.pid} ${(await beginOf(process.pid)) ?? ''}`.trim();
  try {
    await writeFile(own, holder, { mode: 0o600 });
    await link(own, place);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(own).catch(() => undefined);
  }
}

/** Takes a dead lock away; one that came in its place meanwhile is put back. */
async function removeDead(place: string): Promise<void> {
  if (!(await isDead(place))) return;
  const aside = `${place}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(place, aside);
    if (!(await isDead(aside))) await link(aside, place);
    await unlink(aside);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function isDead(place: string): Promise<boolean> {
  const text = await readFile(place, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const [, pid, begin] = holderPattern.exec(text) ?? [];
  if (pid === undefined) {
    const stats = await stat(place).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs > oldAge;
  }
  if (!isRunning(Number(pid))) return true;
  // Numbers are given again: another process may have the holder's by now.
  const now = begin === undefined ? undefined : await beginOf(Number(pid));
  return now !== undefined && now !== begin;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** When a process began, in ticks of the system: the 22nd field of its line (proc_pid_stat(5)). */
async function beginOf(pid: number): Promise<string | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the name in brackets and may hold anything, brackets and blanks too.
  const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields?.[22 - 3];
}
