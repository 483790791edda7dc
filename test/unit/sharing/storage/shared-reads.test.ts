import { digestOf } from '#sharing/storage/digest.js';
import { sharedReads, type SharedReads } from '#sharing/storage/shared-reads.js';
import { describe, expect, test } from 'vitest';

const length = 1000;

/** A file whose chunks are read from nowhere, and who read which. */
function file(): {
  readonly read: (chunk: number, target: Buffer) => Promise<void>;
  reads: number[];
} {
  const reads: number[] = [];
  return {
    reads,
    async read(chunk, target) {
      reads.push(chunk);
      await Promise.resolve();
      target.fill(chunk + 1);
    },
  };
}

async function take(
  shared: SharedReads,
  { read }: ReturnType<typeof file>,
  chunk: number,
): Promise<Buffer> {
  const target = Buffer.alloc(length);
  const digest = await shared.take(`a ${chunk}`, 'blake3', target, () => read(chunk, target));
  expect(digest.equals(digestOf('blake3', target))).toBe(true);
  return target;
}

describe('shared reads', () => {
  test('are one for all who keep pace, at once or one after the other', async () => {
    const shared = sharedReads(4 * length);
    const one = file();
    for (let chunk = 0; chunk < 20; chunk += 1) {
      const all = await Promise.all([1, 2, 3].map(() => take(shared, one, chunk)));
      expect(all.every((bytes) => bytes.equals(Buffer.alloc(length, chunk + 1)))).toBe(true);
      await take(shared, one, Math.max(0, chunk - 3));
    }
    expect(one.reads).toEqual(Array.from({ length: 20 }, (_, chunk) => chunk));
  });

  test('of who lags are its own', async () => {
    const shared = sharedReads(2 * length);
    const one = file();
    for (const chunk of [0, 1, 2]) await take(shared, one, chunk);
    expect((await take(shared, one, 0)).equals(Buffer.alloc(length, 1))).toBe(true);
    expect(one.reads).toEqual([0, 1, 2, 0]);
  });

  test('that fail for one are tried by the next', async () => {
    const shared = sharedReads();
    const one = file();
    const target = Buffer.alloc(length);
    const failing = shared.take('a 0', 'blake3', target, () => Promise.reject(new Error('torn')));
    const other = take(shared, one, 0);
    await expect(failing).rejects.toThrow('torn');
    expect((await other).equals(Buffer.alloc(length, 1))).toBe(true);
    expect(one.reads).toEqual([0]);
  });

  test('are hashed anew for another algorithm, and not read', async () => {
    const shared = sharedReads();
    const one = file();
    await take(shared, one, 0);
    const target = Buffer.alloc(length);
    const digest = await shared.take('a 0', 'sha256', target, () => one.read(0, target));
    expect(digest.equals(digestOf('sha256', target))).toBe(true);
    expect(one.reads).toEqual([0]);
  });

  test('change nothing that they gave before', async () => {
    const shared = sharedReads(length);
    const one = file();
    const first = await take(shared, one, 0);
    await take(shared, one, 1);
    first.fill(9);
    expect((await take(shared, one, 1)).equals(Buffer.alloc(length, 2))).toBe(true);
  });

  test('keep the last one, though that alone is more than they may', async () => {
    const shared = sharedReads(length - 1);
    const one = file();
    for (const chunk of [0, 0, 1, 0]) await take(shared, one, chunk);
    expect(one.reads).toEqual([0, 1, 0]);
  });
});
