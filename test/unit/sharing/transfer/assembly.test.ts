import { assemble } from '#sharing/transfer/assembly.js';
import { chunkSize, type ChunkHeader } from '#sharing/wire/frame.js';
import { expect, test } from 'vitest';

const digest = Buffer.alloc(32);
const header = (chunk: number): ChunkHeader => ({
  id: 1,
  file: 0,
  chunk,
  length: chunkSize,
  digest,
});

test('a chunk that waits for a buffer is let go of like one that comes', async () => {
  const writing: (() => void)[] = [];
  const written: number[] = [];
  const assembly = assemble(8 * chunkSize, ({ chunk }) => {
    written.push(chunk);
    return new Promise((resolve) => writing.push(resolve));
  });
  const [lost, other] = [assembly.intake(), assembly.intake()];
  for (const chunk of [0, 1, 2]) {
    expect(lost.begin(header(chunk))).toBeUndefined();
    lost.data(Buffer.alloc(chunkSize));
  }
  // Every buffer is written just now.
  const waiting = lost.begin(header(7));
  expect(waiting).toBeInstanceOf(Promise);
  expect(assembly.holds(7)).toBe(true);
  expect(assembly.holder(7)?.drop()).toBe(7);
  expect(assembly.holds(7)).toBe(false);
  for (const resolve of writing.splice(0)) resolve();
  await waiting;
  expect(assembly.holds(7)).toBe(false);
  // It comes over the other lane, and not twice.
  expect(other.begin(header(7))).toBeUndefined();
  lost.data(Buffer.alloc(chunkSize, 1));
  other.data(Buffer.alloc(chunkSize));
  expect(written).toEqual([0, 1, 2, 7]);
});
