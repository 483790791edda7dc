import { writingTo } from '#sharing/errors.js';
import { mustBeApart } from '#sharing/identity/state.js';
import { lazyArea, stillStands, type LandingArea } from '#sharing/storage/area.js';
import { makeFolder, openFolder, type Folder } from '#sharing/storage/folder.js';
import { sweep } from '#sharing/storage/sweep.js';

/** Where a client receives: its folders stay open from one file to the next. */
export interface Arrivals extends AsyncDisposable {
  /**
   * The landing area of `folder`, which is made if need be. Throws SharingError `folder-unwritable` when that cannot be,
   * `folder-overlaps-state` or `landing-not-private`; or the system's error.
   */
  open(folder: string): Promise<LandingArea>;
}

/** `now` is in milliseconds since 1970. */
export function openArrivals(stateFolder: string, now: () => number): Arrivals {
  const places = new Map<string, ReturnType<typeof lazyArea>>();
  /** What took the place of another, which may still be used. */
  const all: AsyncDisposable[] = [];
  const swept = new Set<string>();

  async function open(folder: string): Promise<LandingArea> {
    const before = await places.get(folder)?.open();
    if (before && (await stillStands(before, folder))) return before;
    const place = lazyArea(() => receivingFolder(stateFolder, folder), true);
    all.push(place);
    places.set(folder, place);
    try {
      const area = await place.open();
      if (!swept.has(area.folder.key)) await sweep(area, now());
      swept.add(area.folder.key);
      return area;
    } catch (error) {
      places.delete(folder);
      await Promise.allSettled([place[Symbol.asyncDispose]()]);
      throw error;
    }
  }

  return {
    open,
    async [Symbol.asyncDispose]() {
      const ended = all.splice(0).map(async (place) => place[Symbol.asyncDispose]());
      await Promise.allSettled(ended);
    },
  };
}

/** The receiving folder, made when the first file is offered. */
async function receivingFolder(stateFolder: string, folder: string): Promise<Folder> {
  await writingTo(folder, 'folder-unwritable', () => makeFolder(folder));
  await mustBeApart(stateFolder, folder);
  return openFolder(folder);
}
