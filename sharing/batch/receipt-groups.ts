import { after, type Soon } from '#sharing/soon.js';
import type { SharingError } from '#sharing/errors.js';
import { writeError } from '#sharing/errors.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { SmallFile } from '#sharing/storage/small-file.js';
import { setImmediate as turn } from 'node:timers/promises';
import { gate } from '#sharing/batch/gate.js';

/** Files, and bytes of them, that are brought to the disk together (PROTOCOL.md, "Batches"). */
const groupFiles = 256;
const groupBytes = 8 * 1024 * 1024;
/** Files that are synced at once: as many as the thread pool takes. */
const syncsAtOnce = 4;

/** A small file that was written, and what is to be known of it later. */
export interface Written<T> {
  readonly small: SmallFile;
  readonly size: number;
  readonly of: T;
}

/** How one of a group ended. */
export type Kept<T> =
  { readonly of: T; readonly as: SafeName } | { readonly of: T; readonly error: SharingError };

/**
 * Brings small files to the disk in groups: while one group is synced the next one gathers, so that a quick disk answers
 * at once and a slow one is asked seldom.
 */
export interface ReceiptGroups<T> {
  add(file: Written<T>): void;
  hasPlace(): boolean;
  /** Resolves when there is place for one more. */
  place(): Promise<void>;
  /** Nothing waits, and nothing is under way. */
  isIdle(): boolean;
  /** Lets go of what has no receipt yet. */
  leave(): Promise<void>;
}

/**
 * `settle` makes the names of a group durable, and gives the files for which it could not, with the reason; then
 * `kept` hears how each file ended.
 */
export function receiptGroups<T>(
  settle: (files: readonly T[]) => Promise<ReadonlyMap<T, SharingError>>,
  kept: (group: readonly Kept<T>[]) => void,
): ReceiptGroups<T> {
  let waiting: Written<T>[] = [];
  let bytes = 0;
  const taken = gate();
  let running: Promise<void> | undefined;
  let left = false;

  function hasPlace(): boolean {
    return left || (waiting.length < groupFiles && bytes < groupBytes);
  }

  async function run(): Promise<void> {
    while (waiting.length > 0 && !left) {
      const group = waiting;
      waiting = [];
      bytes = 0;
      taken.open();
      kept(await bring(group));
    }
    running = undefined;
  }

  async function bring(group: readonly Written<T>[]): Promise<Kept<T>[]> {
    const ended: Kept<T>[] = [];
    const smalls = new Map(group.map(({ small, of }) => [of, small]));
    let next = 0;
    async function syncSome(): Promise<void> {
      for (let one = group[next]; one; one = group[next]) {
        next += 1;
        const brought = bringOne(one);
        ended.push(brought instanceof Promise ? await brought : brought);
      }
    }
    await Promise.all(Array.from({ length: syncsAtOnce }, syncSome));
    const lost = await settle(ended.filter((one) => 'as' in one).map((one) => one.of));
    // The sender will hear of a failure, so the name must not stay.
    for (const of of lost.keys())
      await smalls
        .get(of)
        ?.retract()
        .catch(() => undefined);
    return ended.map((one) => {
      const error = lost.get(one.of);
      return error && 'as' in one ? { of: one.of, error } : one;
    });
  }

  function bringOne({ small, of }: Written<T>): Soon<Kept<T>> {
    const lost = async (error: unknown): Promise<Kept<T>> => {
      await small.drop().catch(() => undefined);
      return { of, error: writeError(error) };
    };
    try {
      const published = after(small.sync(), () => small.publish());
      const kept = after(published, (as): Kept<T> => ({ of, as }));
      return kept instanceof Promise ? kept.catch(lost) : kept;
    } catch (error) {
      return lost(error);
    }
  }

  return {
    add(file) {
      waiting.push(file);
      bytes += file.size;
      // What comes in the same turn goes together.
      running ??= turn().then(run);
    },
    hasPlace,
    async place() {
      while (!hasPlace()) await taken.wait();
    },
    isIdle: () => waiting.length === 0 && running === undefined,
    async leave() {
      left = true;
      taken.open();
      await running;
      const rest = waiting;
      waiting = [];
      for (const { small } of rest) await small.leave().catch(() => undefined);
    },
  };
}
