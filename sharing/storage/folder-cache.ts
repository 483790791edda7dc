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
  /** Does the work in a folder, which stays open as long. Throws as `take`, and what the work throws. */
  use<T>(path: Path, work: (folder: Folder) => Soon<T>): Soon<T>;
}

interface Entry {
  readonly key: string;
  readonly opening: Promise<Folder>;
  /** Once it is open. */
  folder: Folder | undefined;
  uses: number;
}

/** The root stays its owner's. `isOurs`: we made all folders below it. */
export function folderCache(root: Folder, isOurs = false): FolderCache {
  /** By path, the one that was used last at the end. */
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  /** Entries that nobody uses. */
  let idle = 0;
  /** What was used last, for the next file mostly lies beside the one before: no name is put together for it. */
  let last: { readonly path: Path; readonly entry: Entry } | undefined;

  async function openBelow(path: Path, name: SafeName | OwnName): Promise<Folder> {
    const parent = await take(path.slice(0, -1));
    try {
      return await openChild(parent.folder, name, isOurs);
    } finally {
      parent.release();
    }
  }

  function remove(entry: Entry): void {
    entries.delete(entry.key);
    if (last?.entry === entry) last = undefined;
  }

  function close(entry: Entry): void {
    remove(entry);
    if (entry.uses === 0) idle -= 1;
    const closed = entry.opening
      .then((folder) => folder[Symbol.asyncDispose]())
      .catch(() => undefined)
      .finally(() => closing.delete(closed));
    closing.add(closed);
  }

  function trim(): void {
    for (const entry of entries.values()) {
      if (idle <= maxIdle) return;
      if (entry.uses === 0) close(entry);
    }
  }

  /** Its entry, which is used once more. */
  function begin(path: Path, name: SafeName | OwnName): Entry {
    const entry = last?.path === path ? last.entry : find(path, name);
    if (entry.uses === 0 && entry.folder) idle -= 1;
    entry.uses += 1;
    return entry;
  }

  function find(path: Path, name: SafeName | OwnName): Entry {
    const key = path.join('/');
    const entry = entries.get(key) ?? {
      key,
      opening: openBelow(path, name),
      folder: undefined,
      uses: 0,
    };
    entries.delete(key);
    entries.set(key, entry);
    last = { path, entry };
    return entry;
  }

  async function opened(entry: Entry): Promise<Folder> {
    try {
      return (entry.folder = await entry.opening);
    } catch (error) {
      // The next one may find it.
      if (entries.get(entry.key) === entry) remove(entry);
      end(entry);
      throw error;
    }
  }

  function end(entry: Entry): void {
    entry.uses -= 1;
    // One that could not be opened is none of them any more.
    if (entry.uses > 0 || entries.get(entry.key) !== entry) return;
    idle += 1;
    if (idle > maxIdle) trim();
  }

  function take(path: Path): Soon<Lease> {
    const name = path.at(-1);
    if (name === undefined) return { folder: root, release: () => undefined };
    const entry = begin(path, name);
    return entry.folder
      ? leaseOf(entry, entry.folder)
      : opened(entry).then((folder) => leaseOf(entry, folder));
  }

  function leaseOf(entry: Entry, folder: Folder): Lease {
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      end(entry);
    };
    return { folder, release };
  }

  function use<T>(path: Path, work: (folder: Folder) => Soon<T>): Soon<T> {
    const name = path.at(-1);
    if (name === undefined) return work(root);
    const entry = begin(path, name);
    return entry.folder ? useNow(entry, entry.folder, work) : useLater(entry, work);
  }

  function useNow<T>(entry: Entry, folder: Folder, work: (folder: Folder) => Soon<T>): Soon<T> {
    let done: Soon<T>;
    try {
      done = work(folder);
    } catch (error) {
      end(entry);
      throw error;
    }
    if (!(done instanceof Promise)) {
      end(entry);
      return done;
    }
    return done.finally(() => {
      end(entry);
    });
  }

  async function useLater<T>(entry: Entry, work: (folder: Folder) => Soon<T>): Promise<T> {
    const folder = await opened(entry);
    return useNow(entry, folder, work);
  }

  return {
    take,
    use,
    async [Symbol.asyncDispose]() {
      for (const entry of [...entries.values()]) close(entry);
      while (closing.size > 0) await Promise.all(closing);
    },
  };
}
