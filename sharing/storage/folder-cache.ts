import { openChild, type Folder } from '#sharing/storage/folder.js';
import type { OwnName, SafeName } from '#sharing/storage/path.js';

/** Folders that are kept open without being used, at most (PROTOCOL.md, "Attacks": each is opened below the one before). */
const maxIdle = 32;

/** Names below the root; the first may be one that its user typed. */
export type Path = readonly (SafeName | OwnName)[];

/** A folder that stays open until it is released. */
export interface Lease {
  readonly folder: Folder;
  release(): void;
}

/** Reaches folders below a root, component by component, and keeps the last ones open: files come in folder order. */
export interface FolderCache extends AsyncDisposable {
  /** Throws the system's error, or SharingError `not-a-folder`, when there is no such folder. */
  take(path: Path): Promise<Lease>;
}

interface Entry {
  readonly opening: Promise<Folder>;
  uses: number;
}

/** The root stays its owner's. */
export function folderCache(root: Folder): FolderCache {
  /** By path, the one that was used last at the end. */
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();

  async function openBelow(path: Path, name: SafeName | OwnName): Promise<Folder> {
    const parent = await take(path.slice(0, -1));
    try {
      return await openChild(parent.folder, name);
    } finally {
      parent.release();
    }
  }

  function close(key: string, { opening }: Entry): void {
    entries.delete(key);
    const closed = opening
      .then((folder) => folder[Symbol.asyncDispose]())
      .catch(() => undefined)
      .finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function trim(): void {
    let idle = [...entries.values()].filter(({ uses }) => uses === 0).length;
    for (const [key, entry] of entries) {
      if (idle <= maxIdle) return;
      if (entry.uses > 0) continue;
      close(key, entry);
      idle -= 1;
    }
  }

  async function take(path: Path): Promise<Lease> {
    const name = path.at(-1);
    if (name === undefined) return { folder: root, release: () => undefined };
    const key = path.join('/');
    const entry = entries.get(key) ?? { opening: openBelow(path, name), uses: 0 };
    entries.delete(key);
    entries.set(key, entry);
    entry.uses += 1;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      entry.uses -= 1;
      if (entries.size > maxIdle) trim();
    };
    try {
      return { folder: await entry.opening, release };
    } catch (error) {
      // The next one may find it.
      if (entries.get(key) === entry) entries.delete(key);
      release();
      throw error;
    }
  }

  return {
    take,
    async [Symbol.asyncDispose]() {
      for (const [key, entry] of [...entries]) close(key, entry);
      while (closing.size > 0) await Promise.all(closing);
    },
  };
}
