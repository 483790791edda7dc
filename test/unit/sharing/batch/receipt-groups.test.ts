import { writeError } from '#sharing/errors.js';
import { safeName, type SafeName } from '#sharing/storage/path.js';
import type { SmallFile } from '#sharing/storage/small-file.js';
import { receiptGroups, type Kept, type ReceiptGroups } from '#sharing/batch/receipt-groups.js';
import { describe, expect, test } from 'vitest';

const MiB = 1024 ** 2;
const groupFiles = 256;

interface Bench {
  readonly groups: ReceiptGroups<string>;
  /** Adds a file by what becomes of it, when there is place. */
  readonly add: (of: string, size?: number, file?: Partial<SmallFile>) => Promise<void>;
  /** What was said of each group. */
  readonly kept: (readonly Kept<string>[])[];
  readonly settled: (readonly string[])[];
  /** What was done with files, in order. */
  readonly done: string[];
  /** How many files were synced at once, at most. */
  readonly mostSyncs: () => number;
}

/** `settle` may fail for all of a group. */
function open(settle: () => Promise<void> = () => Promise.resolve()): Bench {
  const kept: (readonly Kept<string>[])[] = [];
  const settled: (readonly string[])[] = [];
  const done: string[] = [];
  let [syncs, mostSyncs] = [0, 0];
  const groups = receiptGroups<string>(
    async (files) => {
      settled.push(files);
      try {
        await settle();
        return new Map();
      } catch (error) {
        return new Map(files.map((of) => [of, writeError(error)]));
      }
    },
    (group) => kept.push(group),
  );
  const fileOf = (of: string, more: Partial<SmallFile>): SmallFile => ({
    async sync() {
      syncs += 1;
      mostSyncs = Math.max(mostSyncs, syncs);
      await Promise.resolve();
      syncs -= 1;
    },
    name: safeName(of),
    publish: () => Promise.resolve(safeName(of)),
    retract: () => {
      done.push(`retract ${of}`);
      return Promise.resolve();
    },
    drop: () => {
      done.push(`drop ${of}`);
      return Promise.resolve();
    },
    leave: () => {
      done.push(`leave ${of}`);
      return Promise.resolve();
    },
    ...more,
  });
  return {
    groups,
    kept,
    settled,
    done,
    mostSyncs: () => mostSyncs,
    async add(of, size = 1, file = {}) {
      await groups.place();
      groups.add({ small: fileOf(of, file), size, of });
    },
  };
}

const idle = (groups: ReceiptGroups<string>) =>
  expect.poll(() => groups.isIdle(), { interval: 1 }).toBe(true);
const eio = (): never => {
  throw Object.assign(new Error('EIO'), { code: 'EIO' });
};
const names = (group: readonly Kept<string>[] = []) => group.map(({ of }) => of).sort();

describe('groups of receipts', () => {
  test('what comes in the same turn is settled together, and told with its names', async () => {
    const { groups, add, kept, settled } = open();
    expect(groups.isIdle()).toBe(true);
    for (const of of ['a', 'b']) await add(of);
    await add('c', 1, { publish: () => Promise.resolve('c (2)' as SafeName) });
    expect(groups.isIdle()).toBe(false);
    await idle(groups);
    expect(groups.isIdle()).toBe(true);
    expect(settled.map((group) => [...group].sort())).toEqual([['a', 'b', 'c']]);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toContainEqual({ of: 'c', as: 'c (2)' });
  });

  test('a group has at most so many files, and all get their turn', async () => {
    const { groups, add, kept } = open();
    const all = Array.from({ length: 3 * groupFiles + 5 }, (_, at) => `${at}`);
    for (const of of all) await add(of);
    await idle(groups);
    expect(Math.max(...kept.map(({ length }) => length))).toBeLessThanOrEqual(groupFiles);
    expect(names(kept.flat())).toEqual(all.sort());
  });

  test('a group that has its bytes takes no more until it is taken up', async () => {
    const { groups, add, kept } = open();
    for (let at = 0; at < 8; at += 1) await add(`${at}`, MiB);
    let isIn = false;
    const ninth = add('8', MiB).then(() => {
      isIn = true;
    });
    await Promise.resolve();
    expect(isIn).toBe(false);
    await ninth;
    await idle(groups);
    expect(kept.map(({ length }) => length)).toEqual([8, 1]);
  });

  test('one group at a time: while it is settled the next one gathers', async () => {
    const settling: (() => void)[] = [];
    const { groups, add, kept, settled } = open(
      () => new Promise((resolve) => settling.push(resolve)),
    );
    await add('a');
    await expect.poll(() => settling.length, { interval: 1 }).toBe(1);
    await add('b');
    await add('c');
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toEqual([['a']]);
    expect(kept).toEqual([]);
    settling[0]?.();
    await expect.poll(() => settling.length, { interval: 1 }).toBe(2);
    expect(kept.map(names)).toEqual([['a']]);
    settling[1]?.();
    await idle(groups);
    expect(kept.map(names)).toEqual([['a'], ['b', 'c']]);
  });

  test('few files are synced at once', async () => {
    const { groups, add, mostSyncs } = open();
    for (let at = 0; at < 20; at += 1) await add(`${at}`);
    await idle(groups);
    expect(mostSyncs()).toBe(4);
  });

  test.each<[string, Partial<SmallFile>]>([
    ['cannot be synced', { sync: eio }],
    ['cannot be synced elsewhere', { sync: () => Promise.resolve().then(eio) }],
    ['cannot be published', { publish: () => Promise.resolve().then(eio) }],
  ])('one that %s fails alone, and is taken away', async (_, harm) => {
    const { groups, add, kept, done, settled } = open();
    await add('a');
    await add('b', 1, harm);
    await add('c');
    await idle(groups);
    expect(settled.map((group) => [...group].sort())).toEqual([['a', 'c']]);
    const of = new Map(kept[0]?.map((one) => [one.of, one]));
    expect(of.get('a')).toEqual({ of: 'a', as: 'a' });
    expect(of.get('c')).toEqual({ of: 'c', as: 'c' });
    expect(of.get('b')).toMatchObject({ error: { code: 'write-failed', message: 'EIO' } });
    expect(done).toEqual(['drop b']);
  });

  test('one that cannot even be taken away is told all the same', async () => {
    const { groups, add, kept } = open();
    await add('a', 1, { sync: eio, drop: () => Promise.resolve().then(eio) });
    await idle(groups);
    expect(kept[0]).toMatchObject([{ of: 'a', error: { code: 'write-failed' } }]);
  });

  test('names that cannot be made durable fail their group, and not the next one', async () => {
    let times = 0;
    const { groups, add, kept } = open(async () => {
      times += 1;
      await Promise.resolve();
      if (times === 1) eio();
    });
    await add('a');
    await add('b');
    await idle(groups);
    await add('c');
    await idle(groups);
    expect(kept[0]).toMatchObject([
      { of: 'a', error: { code: 'write-failed' } },
      { of: 'b', error: { code: 'write-failed' } },
    ]);
    expect(kept[1]).toEqual([{ of: 'c', as: 'c' }]);
  });

  // Who has no room left should hear that, and not that a folder could not be synced.
  test('one that failed on its own keeps its own reason when its group fails', async () => {
    const { groups, add, kept } = open(() => Promise.resolve().then(eio));
    const full = (): never => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    };
    await add('a', 1, { sync: full });
    await idle(groups);
    expect(kept[0]).toMatchObject([{ of: 'a', error: { code: 'no-room' } }]);
  });

  test('who leaves lets go of what has no receipt yet, and of nothing that is told', async () => {
    const settling: (() => void)[] = [];
    const { groups, add, kept, done } = open(
      () => new Promise((resolve) => settling.push(resolve)),
    );
    await add('a');
    await expect.poll(() => settling.length, { interval: 1 }).toBe(1);
    await add('b');
    await add('c', 1, { leave: () => Promise.resolve().then(eio) });
    await add('d');
    const left = groups.leave();
    settling[0]?.();
    await left;
    expect(kept.map(names)).toEqual([['a']]);
    expect(done).toEqual(['leave b', 'leave d']);
    expect(groups.isIdle()).toBe(true);
  });

  test('who leaves lets nobody wait for a place', async () => {
    const { groups, done } = open(() => new Promise(() => undefined));
    const small = { leave: () => Promise.resolve(done.push('left')) } as unknown as SmallFile;
    for (let at = 0; at < groupFiles; at += 1) groups.add({ small, size: 1, of: `${at}` });
    const waiting = groups.place();
    await groups.leave();
    await waiting;
    expect(done).toHaveLength(groupFiles);
  });
});
