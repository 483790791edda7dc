import { isHeld } from '#sharing/storage/lock.js';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, open, readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';

const MiB = 1024 ** 2;

/** A file of `size` bytes with a few random ones here and there, so that no two are alike. */
export async function sparseFile(path: string, size: number): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(size);
  const step = Math.max(MiB, Math.floor(size / 64));
  for (let at = 0; at < size; at += step) {
    const mark = randomBytes(Math.min(64, size - at));
    await file.write(mark, 0, mark.length, at);
  }
  await file.close();
  // Long ago, so that a time that is kept can be told from one that is new.
  await utimes(path, longAgo, longAgo);
}

/** Seconds since 1970: 2001-09-09. */
export const longAgo = 1_000_000_000;

/** Compares two files block by block, whatever their size. */
export async function sameContents(one: string, other: string): Promise<boolean> {
  const files = [await open(one, 'r'), await open(other, 'r')];
  try {
    const buffers = files.map(() => Buffer.allocUnsafe(4 * MiB));
    for (let at = 0; ;) {
      const [a, b] = await Promise.all(files.map((file, i) => fill(file, buffers[i]!, at)));
      if (!a!.equals(b!)) return false;
      if (a!.length === 0) return true;
      at += a!.length;
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

async function fill(
  file: Awaited<ReturnType<typeof open>>,
  buffer: Buffer,
  position: number,
): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(
      buffer,
      filled,
      buffer.length - filled,
      position + filled,
    );
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Names that a person sees in a folder, sorted. */
export async function visibleNames(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== '.lanpost').sort();
}

/** Resolves when a partial below `folder` has at least `bytes` bytes. Gives its path. */
export async function partialOf(folder: string, bytes: number): Promise<string> {
  const area = join(folder, '.lanpost');
  for (const began = performance.now(); performance.now() - began < 30_000;) {
    for (const name of await readdir(area).catch(() => [])) {
      const path = join(area, name);
      const stats = await lstat(path).catch(() => undefined);
      if (name.endsWith('.part') && stats && stats.size >= bytes) return path;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`no partial of ${bytes} bytes appeared in ${area}`);
}

/** The partials and journals that lie in the landing area of `folder`, and locks that nobody holds. */
export async function leftovers(folder: string): Promise<string[]> {
  const place = join(folder, '.lanpost');
  const names = await readdir(place).catch(() => []);
  const left = await Promise.all(names.map((name) => isLeft(join(place, name))));
  return names.filter((_, at) => left[at]);
}

/** A lock that was about to be taken: it may be of somebody who lives, until it is two seconds old. */
export const aboutToBeTaken = /\.lock\.[0-9a-f]{12}$/;

async function isLeft(path: string): Promise<boolean> {
  if (aboutToBeTaken.test(path)) return false;
  if (!path.endsWith('.lock')) return true;
  // One that was let go since the folder was read is no longer there.
  return !(await isHeld(path)) && existsSync(path);
}
