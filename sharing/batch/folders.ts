import { errnoOf, SharingError, writeError } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import type { OfferedFolder } from '#sharing/session/batch-receiving.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { secondsOf } from '#sharing/storage/file-state.js';
import { folderCache, type FolderCache, type Lease } from '#sharing/storage/folder-cache.js';
import { openChild, type Folder } from '#sharing/storage/folder.js';
import type { SafeName } from '#sharing/storage/path.js';
import { openStaging, type Staging } from '#sharing/storage/staging.js';
import { lstat } from 'node:fs/promises';

/** A folder at the top of a batch, where it comes to lie. */
export interface ArrivingTop {
  readonly offered: OfferedFolder;
  /** The name that it should have here. */
  readonly name: SafeName;
  /** Where it grows; undefined when a folder of that name is here, which its files go into one by one. */
  readonly staging: Staging | undefined;
  readonly folders: FolderCache;
}

/** A folder of a batch, here. It is complete when no more rows of it come and all files in it are over. */
export interface ArrivingFolder {
  readonly offered: OfferedFolder;
  readonly parent: ArrivingFolder | undefined;
  readonly top: ArrivingTop;
  /** Names below the top. */
  readonly below: readonly SafeName[];
  /** The same with the top's own before them. */
  readonly names: readonly SafeName[];
  /** We made it, now or with an earlier attempt: it gets the time of its source, and is made durable when it is complete. */
  readonly isOurs: boolean;
}

/** The folders of a batch: made as they are offered, finished as they become complete. */
export interface ArrivingFolders {
  /**
   * Makes a folder, after `before`, and finishes those that the sender has left behind. False if it was here already. Throws
   * what keeps it from being made.
   */
  enter(offered: OfferedFolder, before: () => Promise<void>): Promise<boolean>;
  /** The sender goes on with what lies in `folder`, or at the top. */
  goTo(folder: OfferedFolder | undefined): void;
  /** The folder of a row; the reason when it could not be made. */
  find(offered: OfferedFolder): ArrivingFolder | SharingError;
  /** A file in it is offered, and is over. */
  begin(folder: ArrivingFolder): void;
  end(folder: ArrivingFolder): void;
  take(folder: ArrivingFolder): Soon<Lease>;
  /** Does the work in it, which stays open as long. */
  use<T>(folder: ArrivingFolder, work: (there: Folder) => Soon<T>): Soon<T>;
  /** True when each folder that was entered is complete and finished. */
  isDone(): boolean;
  /** Lets go of all that is not complete; what is staged is kept for another time. */
  leave(): Promise<void>;
}

interface Made {
  readonly folder: ArrivingFolder;
  readonly isNew: boolean;
}

interface Entry {
  readonly folder: ArrivingFolder;
  pending: number;
  /** More rows of it may come. */
  growing: boolean;
  /** Why it, or something below, is not safe. */
  failure: SharingError | undefined;
}

export interface ArrivingOptions {
  readonly area: () => Promise<LandingArea>;
  readonly peer: string;
  /** The name that a top folder gets here; throws when it must not come. */
  readonly nameOf: (offered: SafeName) => SafeName;
  /** A top folder is complete: it has its final name, or the reason why it could not get it. */
  readonly onTop: (top: ArrivingTop, ended: SafeName | SharingError) => void;
  /** A folder is finished. */
  readonly onFinished: () => void;
}

export function arrivingFolders(options: ArrivingOptions): ArrivingFolders {
  const entries = new Map<OfferedFolder, Entry | SharingError>();
  const finishing = new Set<Promise<void>>();
  const tops = new Set<ArrivingTop>();
  /** The way to where the sender is. */
  let way: OfferedFolder[] = [];

  function entryOf(offered: OfferedFolder): Entry | undefined {
    const entry = entries.get(offered);
    return entry instanceof SharingError ? undefined : entry;
  }

  function goTo(folder: OfferedFolder | undefined): void {
    while (way.length > 0 && way.at(-1) !== folder) {
      const left = way.pop();
      const entry = left && entryOf(left);
      if (entry) {
        entry.growing = false;
        maybeFinish(entry);
      } else if (left) entries.delete(left);
    }
  }

  async function enter(offered: OfferedFolder, before: () => Promise<void>): Promise<boolean> {
    const { parent, name } = offered;
    goTo(parent);
    way.push(offered);
    try {
      if (typeof name !== 'string') throw name;
      await before();
      const made = parent ? await makeBelow(offered, parent, name) : await makeTop(offered, name);
      const { folder, isNew } = made;
      entries.set(offered, { folder, pending: 0, growing: true, failure: undefined });
      return isNew;
    } catch (error) {
      const reason = writeError(error);
      entries.set(offered, reason);
      throw reason;
    }
  }

  async function makeTop(offered: OfferedFolder, offeredName: SafeName): Promise<Made> {
    const name = options.nameOf(offeredName);
    const area = await options.area();
    const there = await lstat(await area.target.at(name)).catch(() => undefined);
    const staging = there?.isDirectory() ? undefined : await openStaging(area, options.peer, name);
    const root = staging?.folder ?? (await openChild(area.target, name));
    const cache = folderCache(root, staging !== undefined);
    const folders: FolderCache = {
      ...cache,
      async [Symbol.asyncDispose]() {
        await cache[Symbol.asyncDispose]();
        if (!staging) await root[Symbol.asyncDispose]();
      },
    };
    const top: ArrivingTop = { offered, name, staging, folders };
    tops.add(top);
    const isOurs = staging !== undefined;
    return {
      folder: { offered, parent: undefined, top, below: [], names: [name], isOurs },
      isNew: isOurs && staging.leftovers === undefined,
    };
  }

  async function makeBelow(
    offered: OfferedFolder,
    offeredParent: OfferedFolder,
    name: SafeName,
  ): Promise<Made> {
    const entry = entries.get(offeredParent);
    if (entry instanceof SharingError) throw entry;
    if (!entry) throw new SharingError('internal', 'a folder in none');
    const { top, below } = entry.folder;
    const lease = await top.folders.take(below);
    try {
      const left = top.staging?.leftovers;
      const before = await left?.find(lease.folder, name);
      if (before && !before.isFolder) await left?.remove(lease.folder, name, before);
      const isNew = await makeIn(lease.folder, name);
      await left?.claim(lease.folder, name);
      // A receipt for what lies in it must not be lost with its name; a staged tree settles all names at the end.
      if (isNew && !top.staging) await lease.folder.sync();
      entry.pending += 1;
      // What lies in a staged tree from an earlier time is of this folder too.
      const isOurs = isNew || top.staging !== undefined;
      const way = { below: [...below, name], names: [top.name, ...below, name] };
      return { folder: { offered, parent: entry.folder, top, ...way, isOurs }, isNew };
    } finally {
      lease.release();
    }
  }

  function end(folder: ArrivingFolder): void {
    const entry = entryOf(folder.offered);
    if (!entry) return;
    entry.pending -= 1;
    maybeFinish(entry);
  }

  function maybeFinish(entry: Entry): void {
    if (entry.growing || entry.pending > 0 || !entries.has(entry.folder.offered)) return;
    const { folder } = entry;
    const done = finish(entry)
      .catch((error: unknown) => {
        entry.failure ??= writeError(error);
      })
      .finally(() => {
        entries.delete(folder.offered);
        finishing.delete(done);
        const above = folder.parent && entryOf(folder.parent.offered);
        // A name below that may be lost makes the whole folder one that is not safe.
        if (above) above.failure ??= entry.failure;
        if (folder.parent) end(folder.parent);
        options.onFinished();
      });
    // Nothing may finish it twice.
    entry.pending = 1;
    finishing.add(done);
  }

  async function finish(entry: Entry): Promise<void> {
    const { folder } = entry;
    const { top, parent } = folder;
    try {
      if (folder.isOurs) await settle(folder);
    } catch (error) {
      entry.failure ??= writeError(error);
    }
    if (parent) return;
    options.onTop(top, entry.failure ?? (await place(top)));
    tops.delete(top);
    await top.folders[Symbol.asyncDispose]();
    await top.staging?.leave(true);
  }

  async function place({ staging, name }: ArrivingTop): Promise<SafeName | SharingError> {
    try {
      return staging ? await staging.place(name) : name;
    } catch (error) {
      return writeError(error);
    }
  }

  /** Its names become durable, and it gets the time of its source. */
  async function settle({ top, below, offered }: ArrivingFolder): Promise<void> {
    const lease = await top.folders.take(below);
    try {
      // What the sender has not any more does not appear with the rest.
      await top.staging?.leftovers?.clear(lease.folder);
      const time = secondsOf(offered.mtime);
      await callsTo(lease.folder.device).utimes(await lease.folder.self(), time, time);
      await lease.folder.sync();
    } finally {
      lease.release();
    }
  }

  return {
    enter,
    goTo,
    find: (offered) => {
      const entry = entries.get(offered);
      if (entry instanceof SharingError) return entry;
      return entry?.folder ?? new SharingError('internal', 'a folder that is over');
    },
    begin(folder) {
      const entry = entryOf(folder.offered);
      if (entry) entry.pending += 1;
    },
    end,
    take: ({ top, below }) => top.folders.take(below),
    use: ({ top, below }, work) => top.folders.use(below, work),
    isDone: () => entries.size === 0 && finishing.size === 0,
    async leave() {
      while (finishing.size > 0) await Promise.all(finishing);
      entries.clear();
      way = [];
      for (const { folders, staging } of tops) {
        await folders[Symbol.asyncDispose]();
        // What cannot be let go of now is cleared away when it has expired.
        await staging?.leave(true).catch(() => undefined);
      }
      tops.clear();
    },
  };
}

/** True if it was made; a folder that is here is as good. */
async function makeIn(parent: Folder, name: SafeName): Promise<boolean> {
  const calls = callsTo(parent.device);
  const place = await parent.at(name);
  try {
    await calls.mkdir(place);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
  if ((await calls.lstat(place)).isDirectory()) return false;
  throw new SharingError('not-a-folder', 'what has this name is no folder');
}
