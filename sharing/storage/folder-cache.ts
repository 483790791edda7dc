import type { Soon } from '#sharing/soon.js';
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
  /** At once where it is open. Throws the system's error, or SharingError `not-a-folder`, when there is no such folder. */
  take(path: Path): Soon<Lease>;
}

interface Entry {
  readonly opening: Promise<Folder>;
  /** Once it is open. */
  folder: Folder | undefined;
  uses: number;
}

/** Does the work, and releases the folder when it is done. */
export function leased<T>(lease: Pick<Lease, 'release'>, work: () => Soon<T>): Soon<T> {
  let done: Soon<T>;
  try {
    done = work();
  } catch (error) {
    lease.release();
    throw error;
  }
  if (done instanceof Promise) {
    return done.finally(() => {
      lease.release();
    });
  }
  lease.release();
  return done;
}

/** The root stays its owner's. */
export function folderCache(root: Folder): FolderCache {
  /** By path, the one that was used last at the end. */
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  /** Entries that nobody uses. */
  let idle = 0;

  async function openBelow(path: Path, name: SafeName | OwnName): Promise<Folder> {
    const parent = await take(path.slice(0, -1));
    try {
      return await openChild(parent.folder, name);
    } finally {
      parent.release();
    }
  }

  function close(key: string, { opening, uses }: Entry): void {
    entries.delete(key);
    if (uses === 0) idle -= 1;
    const closed = opening
      .then((folder) => folder[Symbol.asyncDispose]())
      .catch(() => undefined)
      .finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function trim(): void {
    for (const [key, entry] of entries) {
      if (idle <= maxIdle) return;
      if (entry.uses === 0) close(key, entry);
    }
  }

  function take(path: Path): Soon<Lease> {
    const name = path.at(-1);
    if (name === undefined) return { folder: root, release: () => undefined };
    const key = path.join('/');
    const known = entries.get(key);
    if (known?.uses === 0) idle -= 1;
    const entry = known ?? { opening: openBelow(path, name), folder: undefined, uses: 0 };
    entries.delete(key);
    entries.set(key, entry);
    entry.uses += 1;
    const release = releaseOnce(key, entry);
    return entry.folder ? { folder: entry.folder, release } : opened(key, entry, release);
  }

  async function opened(key: string, entry: Entry, release: () => void): Promise<Lease> {
    try {
      entry.folder = await entry.opening;
      return { folder: entry.folder, release };
    } catch (error) {
      // The next one may find it.
      if (entries.get(key) === entry) entries.delete(key);
      release();
      throw error;
    }
  }

  function releaseOnce(key: string, entry: Entry): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      entry.uses -= 1;
      // One that could not be opened is none of them any more.
      if (entry.uses > 0 || entries.get(key) !== entry) return;
      idle += 1;
      if (idle > maxIdle) trim();
    };
  }

  return {
    take,
    async [Symbol.asyncDispose]() {
      for (const [key, entry] of [...entries]) close(key, entry);
      while (closing.size > 0) await Promise.all(closing);
    },
  };
}
