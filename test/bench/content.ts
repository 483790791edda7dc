import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { locate, timed } from './programs.js';
import { mebibyte, type World } from './world.js';

/** A file of random bytes. */
export function randomFile(path: string, bytes: number): void {
  const block = Buffer.allocUnsafe(4 * mebibyte);
  writeBlocks(path, bytes, () => randomFillSync(block));
}

/** A file of holes: it takes no memory where it lies. */
export async function sparse(path: string, bytes: number): Promise<void> {
  await using file = await open(path, 'w');
  await file.truncate(bytes);
}

/** `count` random files of 4 KiB below `root`, spread over 100 folders. */
export async function randomTree(root: string, count: number): Promise<void> {
  const folders = Math.min(100, count);
  for (let folder = 0; folder < folders; folder += 1) {
    const path = join(root, `folder-${String(folder).padStart(3, '0')}`);
    await mkdir(path, { recursive: true });
    for (let n = folder; n < count; n += folders) {
      await writeFile(join(path, `file-${n}.bin`), randomFillSync(Buffer.allocUnsafe(4096)));
    }
  }
}

/**
 * Writes as much memory as a run needs and frees it, so that no run is the first to touch it: a virtual machine
 * gets memory from its host only then.
 */
export function warm({ folder }: World, bytes: number): void {
  const path = join(folder, 'warm');
  const block = Buffer.alloc(4 * mebibyte, 1);
  writeBlocks(path, bytes, () => block);
  rmSync(path);
}

function writeBlocks(path: string, bytes: number, next: () => Buffer): void {
  const file = openSync(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= 4 * mebibyte) {
      writeSync(file, next().subarray(0, Math.min(left, 4 * mebibyte)));
    }
  } finally {
    closeSync(file);
  }
}

/** Removes all that a folder holds, and leaves the folder to those who have it open. */
export async function empty(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Throws Error when a file or folder did not arrive as it was sent. */
export async function mustEqual(sent: string, arrived: string): Promise<void> {
  await timed({ words: [locate('diff'), '-r', '-q', sent, arrived] });
}
