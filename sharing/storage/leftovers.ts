import { SharingError } from '#sharing/errors.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { keyOf, type Folder } from '#sharing/storage/folder.js';
import type { SafeName } from '#sharing/storage/path.js';
import { readdir, rm } from 'node:fs/promises';

/**
 * What lies in a tree from an earlier attempt, told from what this one has brought: no clock is asked, which may be
 * another's, or set back. Memory is taken only for what this attempt brings into a tree that it found.
 */
export interface Leftovers {
  /** From now on what stands under this name is of this attempt. Throws when nothing does. */
  claim(folder: Folder, name: SafeName): Promise<void>;
  /** What stands under this name from an earlier attempt; `size` is undefined for what is no file. */
  find(folder: Folder, name: SafeName): Promise<Leftover | undefined>;
  /** Removes it, if it is still what was found. */
  remove(folder: Folder, name: SafeName, found: Leftover): Promise<void>;
  /** Removes all that this attempt has not brought from a folder that is complete. */
  clear(folder: Folder): Promise<void>;
}

export interface Leftover {
  readonly size: number | undefined;
  readonly isFolder: boolean;
  readonly key: string;
}

export function leftovers(): Leftovers {
  const ours = new Set<string>();

  async function look(folder: Folder, name: string): Promise<Leftover | undefined> {
    const stats = await callsTo(folder.device).find(`${await folder.self()}/${name}`);
    if (!stats) return undefined;
    const size = stats.isFile() ? Number(stats.size) : undefined;
    return { size, isFolder: stats.isDirectory(), key: keyOf(stats) };
  }

  async function find(folder: Folder, name: string): Promise<Leftover | undefined> {
    const there = await look(folder, name);
    return there && !ours.has(there.key) ? there : undefined;
  }

  async function remove(folder: Folder, name: string, { key }: Leftover): Promise<void> {
    const there = await find(folder, name);
    if (there?.key !== key) return;
    await rm(`${await folder.self()}/${name}`, { recursive: true, force: true });
  }

  return {
    async claim(folder, name) {
      const there = await look(folder, name);
      // What is not claimed would be cleared away, though there is a receipt for it.
      if (!there) throw new SharingError('write-failed', 'what came was taken away');
      ours.add(there.key);
    },
    find,
    remove,
    async clear(folder) {
      for (const name of await readdir(await folder.self())) {
        const there = await find(folder, name);
        if (there) await remove(folder, name, there);
      }
    },
  };
}
