import { errnoOf, SharingError } from '#sharing/errors.js';
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that somebody waits for a lock, and between two tries. */
const patience = 5000;
const pause = 20;
/** Milliseconds after which a lock that names no process was left by a crash. */
const oldAge = 2000;

/**
 * Holds `place` alone among all processes until it is disposed. The lock names its process from the moment it
 * is there, so that one that a crash left behind is recognised. Throws SharingError `state-damaged` when
 * another process keeps it.
 */
export async function lock(place: string): Promise<AsyncDisposable> {
  const deadline = performance.now() + patience;
  while (!(await tryLock(place))) {
    await removeDead(place);
    if (performance.now() > deadline) {
      const holder = await readFile(place, 'utf8').catch(() => '');
      const words = `${place} is held by process ${holder}`;
      throw new SharingError('state-busy', words, { path: place });
    }
    await delay(pause);
  }
  return { [Symbol.asyncDispose]: () => unlink(place) };
}

async function tryLock(place: string): Promise<boolean> {
  const own = `${place}.${randomBytes(6).toString('hex')}`;
  await writeFile(own, String(process.pid), { mode: 0o600 });
  try {
    await link(own, place);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(own);
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
  if (!/^[1-9][0-9]*$/.test(text)) {
    const stats = await stat(place).catch(() => undefined);
    return stats !== undefined && Date.now() - stats.mtimeMs > oldAge;
  }
  try {
    process.kill(Number(text), 0);
    return false;
  } catch (error) {
    return errnoOf(error) !== 'EPERM';
  }
}
