import { endsAll, isStaged, spotOf, type Arrival } from '#sharing/batch/arrival.js';
import type { ArrivingFolder, ArrivingFolders, ArrivingTop } from '#sharing/batch/folders.js';
import type { Gate } from '#sharing/batch/gate.js';
import type { LastWords } from '#sharing/batch/last-words.js';
import { receiptGroups, type Kept } from '#sharing/batch/receipt-groups.js';
import { slabs, type Piece } from '#sharing/batch/slabs.js';
import { asSharingError, SharingError, writeError } from '#sharing/errors.js';
import { after, type Soon } from '#sharing/soon.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { digestOf, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { paceOf } from '#sharing/storage/disk-pace.js';
import type { Folder } from '#sharing/storage/folder.js';
import { takenNumbers } from '#sharing/storage/naming.js';
import {
  writeLoose,
  writeStaged,
  type Reach,
  type SmallFile,
} from '#sharing/storage/small-file.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';
import type { Policy } from '#sharing/wire/message.js';

/** Bytes of small files that came and are not written yet, before no more is read. */
const maxWaiting = 4 * 1024 * 1024;

/** Small files whose bytes come: gathered, written one after the other, and brought to the disk in groups. */
export interface SmallArrivals {
  /** Takes what comes over one connection. */
  intake(): SmallIntake;
  /** A file of which nothing travels. */
  empty(arrival: Arrival): void;
  /** Writes what comes until `isDone`. Throws when the disk is full, or the reason why it must not go on. */
  run(isDone: () => boolean): Promise<void>;
  /** A part of one has come, and the rest must come too. */
  isComing(): boolean;
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
  readonly words: Pick<LastWords, 'kept' | 'failed'>;
}

export function smallArrivals(options: SmallArrivalOptions): SmallArrivals {
  const { area, folders, policy, algorithm, news, mustGoOn, words } = options;
  const groups = receiptGroups<Arrival>(settle, onGroup);
  const queue: { readonly arrival: Arrival; readonly piece: Piece }[] = [];
  const memory = slabs();
  const numbers = takenNumbers();
  /** For each connection, whether it is in the middle of one. */
  const middles: (() => boolean)[] = [];
  /** Why a group ended all of the batch. */
  let failure: SharingError | undefined;
  let waiting = 0;

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
      words.failed(arrival, known);
    };
    try {
      mustBeWhole(arrival, bytes);
      const written = isStaged(arrival)
        ? inFolder(arrival, (target) => writeInTree(arrival, bytes, target))
        : writeAmongOthers(arrival, bytes);
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

  /** Where a file lies, or will lie; that may have been closed meanwhile. */
  function inFolder<T>({ folder }: Arrival, work: (target: Folder) => Soon<T>): Soon<T> {
    return folder ? folders.use(folder, work) : after(area(), ({ target }) => work(target));
  }

  function reachOf(arrival: Arrival): Reach {
    return (work) => inFolder(arrival, work);
  }

  function writeInTree(arrival: Arrival, bytes: Buffer, target: Folder): Soon<void> {
    const { name, offered, folder } = arrival;
    const leftovers = folder?.top.staging?.leftovers;
    const wish = { name, mtime: offered.mtime };
    const pace = paceOf(target.device);
    const writing = writeStaged(target, wish, bytes, pace, numbers, reachOf(arrival));
    return after(writing, (small) => {
      if (!leftovers) {
        written(arrival, bytes, small);
        return undefined;
      }
      return leftovers.claim(target, small.name).then(
        () => {
          written(arrival, bytes, small);
        },
        async (error: unknown) => {
          await small.drop().catch(() => undefined);
          throw error;
        },
      );
    });
  }

  async function writeAmongOthers(arrival: Arrival, bytes: Buffer): Promise<void> {
    const { name, offered } = arrival;
    const wish = { name, policy, mtime: offered.mtime };
    const spot = await spotOf(arrival, area, folders);
    try {
      const passing = await spot.area.names.next();
      const small = await writeLoose(spot.area, passing, wish, bytes, reachOf(arrival));
      written(arrival, bytes, small);
    } finally {
      spot.release();
    }
  }

  function written(arrival: Arrival, bytes: Buffer, small: SmallFile): void {
    options.onWritten(arrival);
    groups.add({ small, size: bytes.length, of: arrival });
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
      await inFolder(one, (target) => target.sync());
      return undefined;
    } catch (error) {
      return writeError(error);
    }
  }

  function onGroup(group: readonly Kept<Arrival>[]): void {
    try {
      tell(group);
    } catch (error) {
      failure ??= asSharingError(error);
    }
    news.open();
  }

  function tell(group: readonly Kept<Arrival>[]): void {
    const kept = group.filter((one) => 'as' in one);
    words.kept(kept.sort((a, b) => a.of.offered.file - b.of.offered.file));
    for (const one of group) {
      if (!('error' in one)) continue;
      if (endsAll(one.error)) throw one.error;
      words.failed(one.of, one.error);
    }
  }

  return {
    intake() {
      let open: { readonly arrival: Arrival; readonly piece: Piece; fill: number } | undefined;
      middles.push(() => open !== undefined);
      return {
        begin(arrival, { length, digest }) {
          arrival.digest = digest;
          open = { arrival, piece: memory.take(length), fill: 0 };
          waiting += length;
          return waiting > maxWaiting ? untilWritten() : undefined;
        },
        drop() {
          open = undefined;
        },
        data(bytes) {
          if (!open) return;
          const own = open.piece.bytes;
          own.set(bytes, open.fill);
          open.fill += bytes.length;
          if (open.fill < own.length) return;
          queue.push(open);
          open = undefined;
          news.open();
        },
      };
    },
    empty(arrival) {
      queue.push({ arrival, piece: memory.take(0) });
      news.open();
    },
    async run(isDone) {
      for (;;) {
        mustGoOn();
        if (failure) throw failure;
        const next = queue[0];
        if (next) {
          if (!groups.hasPlace()) await groups.place();
          const { arrival, piece } = next;
          const written = write(arrival, piece.bytes);
          if (written) await written;
          queue.shift();
          waiting -= piece.bytes.length;
          memory.give(piece);
          news.open();
        } else if (isDone()) return;
        else await news.wait();
      }
    },
    isComing: () => middles.some((isOpen) => isOpen()),
    isIdle: () => queue.length === 0 && groups.isIdle(),
    leave: () => groups.leave(),
  };
}
