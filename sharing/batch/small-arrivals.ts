import { isStaged, spotOf, type Arrival, type Spot } from '#sharing/batch/arrival.js';
import type { ArrivingFolder, ArrivingFolders, ArrivingTop } from '#sharing/batch/folders.js';
import type { Gate } from '#sharing/batch/gate.js';
import { receiptGroups, type Kept } from '#sharing/batch/receipt-groups.js';
import { SharingError, writeError } from '#sharing/errors.js';
import { after, type Soon } from '#sharing/soon.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { digestOf, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { paceOf } from '#sharing/storage/disk-pace.js';
import { leased } from '#sharing/storage/folder-cache.js';
import type { SafeName } from '#sharing/storage/path.js';
import { writeLoose, writeStaged, type Reach } from '#sharing/storage/small-file.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';
import type { Policy } from '#sharing/wire/message.js';

/** Bytes of small files that came and are not written yet, before no more is read. */
const maxWaiting = 4 * 1024 * 1024;
const slabLength = 256 * 1024;

/** Small files whose bytes come: gathered, written one after the other, and brought to the disk in groups. */
export interface SmallArrivals {
  /** Takes what comes over one connection. */
  intake(): SmallIntake;
  /** A file of which nothing travels. */
  empty(arrival: Arrival): void;
  /** Writes what comes until `isDone`. Throws when the disk is full, or the reason why it must not go on. */
  run(isDone: () => boolean): Promise<void>;
  isIdle(): boolean;
  /** Lets go of what has no receipt. */
  leave(): Promise<void>;
}

export interface SmallIntake {
  /** The chunk of a file comes. A promise means: read no further. */
  begin(arrival: Arrival, header: ChunkHeader): Promise<void> | undefined;
  /** What comes until the next `begin` is not wanted. */
  drop(): void;
  data(bytes: Buffer): void;
}

export interface SmallArrivalOptions {
  readonly area: () => Soon<LandingArea>;
  readonly folders: ArrivingFolders;
  readonly policy: Policy;
  readonly algorithm: DigestAlgorithm;
  /** Opened when something has happened. */
  readonly news: Gate;
  /** Throws when the batch is over. */
  readonly mustGoOn: () => void;
  readonly onWritten: (arrival: Arrival) => void;
  /** These are on the disk, under these names. */
  readonly onKept: (files: readonly { readonly of: Arrival; readonly as: SafeName }[]) => void;
  readonly onFailed: (arrival: Arrival, error: SharingError) => void;
}

export function smallArrivals(options: SmallArrivalOptions): SmallArrivals {
  const { area, folders, policy, algorithm, news, mustGoOn, onFailed } = options;
  const groups = receiptGroups<Arrival>(settle, onGroup);
  const queue: { readonly arrival: Arrival; readonly bytes: Buffer }[] = [];
  let waiting = 0;
  /** What small files lie in side by side: memory is asked for seldom. */
  let slab = Buffer.alloc(0);

  function room(length: number): Buffer {
    if (length > slab.length) slab = Buffer.allocUnsafeSlow(Math.max(length, slabLength));
    const place = slab.subarray(0, length);
    slab = slab.subarray(length);
    return place;
  }

  async function untilWritten(): Promise<void> {
    while (waiting > maxWaiting / 2 && mayGoOn()) await news.wait();
  }

  function mayGoOn(): boolean {
    try {
      mustGoOn();
      return true;
    } catch {
      return false;
    }
  }

  function write(arrival: Arrival, bytes: Buffer): Soon<void> {
    const lost = (error: unknown): void => {
      const known = writeError(error);
      if (endsAll(known)) throw known;
      onFailed(arrival, known);
    };
    try {
      mustBeWhole(arrival, bytes);
      const written = after(spotOf(arrival, area, folders), (spot) =>
        leased(spot, () => writeThere(arrival, bytes, spot)),
      );
      return written instanceof Promise ? written.catch(lost) : undefined;
    } catch (error) {
      lost(error);
    }
  }

  function mustBeWhole(arrival: Arrival, bytes: Buffer): void {
    const digest = digestOf(algorithm, bytes);
    if (arrival.digest && !digest.equals(arrival.digest)) {
      throw new SharingError('damaged', 'the file does not have its digest');
    }
    arrival.digest = digest;
  }

  function writeThere(arrival: Arrival, bytes: Buffer, spot: Spot): Soon<void> {
    const { name, offered, folder } = arrival;
    const { target } = spot.area;
    const wish = { name, policy, mtime: offered.mtime };
    const leftovers = folder?.top.staging?.leftovers;
    const reach: Reach = (work) =>
      after(spotOf(arrival, area, folders), (again) =>
        leased(again, () => work(again.area.target)),
      );
    const writing = isStaged(arrival)
      ? writeStaged(target, wish, bytes, paceOf(target.device), reach)
      : spot.area.names
          .next()
          .then((passing) => writeLoose(spot.area, passing, wish, bytes, reach));
    return after(writing, (small) => {
      const add = (): void => {
        options.onWritten(arrival);
        groups.add({ small, size: bytes.length, of: arrival });
      };
      const claimed = leftovers?.claim(target, small.name);
      if (!claimed) {
        add();
        return undefined;
      }
      return claimed.then(add, async (error: unknown) => {
        await small.drop().catch(() => undefined);
        throw error;
      });
    });
  }

  /** Where others see them, names become durable before a receipt is given; a staged tree settles its own. */
  async function settle(group: readonly Arrival[]): Promise<ReadonlyMap<Arrival, SharingError>> {
    const lost = new Map<Arrival, SharingError>();
    const seen = new Map<ArrivingFolder | undefined, Arrival[]>();
    const touched = new Set<ArrivingTop>();
    for (const arrival of group) {
      const { folder } = arrival;
      if (folder?.top.staging) touched.add(folder.top);
      else seen.set(folder, [...(seen.get(folder) ?? []), arrival]);
    }
    for (const arrivals of seen.values()) {
      const error = await settleFolder(arrivals);
      if (error) for (const arrival of arrivals) lost.set(arrival, error);
    }
    for (const { staging } of touched) await staging?.touch().catch(() => undefined);
    return lost;
  }

  async function settleFolder([one]: readonly Arrival[]): Promise<SharingError | undefined> {
    if (!one) return undefined;
    try {
      const spot = await spotOf(one, area, folders);
      await spot.area.target.sync().finally(spot.release);
      return undefined;
    } catch (error) {
      return writeError(error);
    }
  }

  function onGroup(group: readonly Kept<Arrival>[]): void {
    const kept = group.filter((one) => 'as' in one);
    options.onKept(kept.sort((a, b) => a.of.offered.file - b.of.offered.file));
    for (const one of group) if ('error' in one) onFailed(one.of, one.error);
    news.open();
  }

  return {
    intake() {
      let open: { readonly arrival: Arrival; readonly bytes: Buffer; fill: number } | undefined;
      return {
        begin(arrival, { length, digest }) {
          arrival.digest = Buffer.from(digest);
          open = { arrival, bytes: room(length), fill: 0 };
          waiting += length;
          return waiting > maxWaiting ? untilWritten() : undefined;
        },
        drop() {
          open = undefined;
        },
        data(bytes) {
          if (!open) return;
          open.fill += bytes.copy(open.bytes, open.fill);
          if (open.fill < open.bytes.length) return;
          queue.push(open);
          open = undefined;
          news.open();
        },
      };
    },
    empty(arrival) {
      queue.push({ arrival, bytes: Buffer.alloc(0) });
      news.open();
    },
    async run(isDone) {
      for (;;) {
        mustGoOn();
        const next = queue[0];
        if (next) {
          if (!groups.hasPlace()) await groups.place();
          const written = write(next.arrival, next.bytes);
          if (written) await written;
          queue.shift();
          waiting -= next.bytes.length;
          news.open();
        } else if (isDone()) return;
        else await news.wait();
      }
    },
    isIdle: () => queue.length === 0 && groups.isIdle(),
    leave: () => groups.leave(),
  };
}

/** What ends all of a batch: no file after this one would fare better. */
export function endsAll({ code }: SharingError): boolean {
  return ['no-room', 'over-quota', 'folder-gone', 'landing-not-private'].includes(code);
}
