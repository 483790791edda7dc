import { slabs, type Piece } from '#sharing/batch/slabs.js';
import { expect, test } from 'vitest';

const slabLength = 256 * 1024;
const memoryOf = ({ bytes }: Piece): ArrayBufferLike => bytes.buffer;

test('pieces of one slab lie side by side and never in one another', () => {
  const memory = slabs();
  const lengths = [1, 0, 4096, slabLength - 4097];
  const pieces = lengths.map((length) => memory.take(length));
  for (const [n, { bytes }] of pieces.entries()) bytes.fill(n + 1);
  expect(pieces.map(({ bytes }) => bytes.length)).toEqual(lengths);
  expect(pieces.every(({ bytes }, n) => bytes.every((byte) => byte === n + 1))).toBe(true);
  expect(new Set(pieces.map(memoryOf)).size).toBe(1);
  expect(memoryOf(memory.take(1))).not.toBe(memoryOf(pieces[0]!));
});

test('a slab is used again when all its pieces are given back, in whatever order, and not before', () => {
  const memory = slabs();
  const halves = Array.from({ length: 6 }, () => memory.take(slabLength / 2));
  const [first, second, third, fourth] = halves as [Piece, Piece, Piece, Piece];
  memory.give(second);
  memory.give(third);
  expect(halves.map(memoryOf)).not.toContain(memoryOf(memory.take(slabLength)));
  memory.give(first);
  expect(memoryOf(memory.take(slabLength))).toBe(memoryOf(first));
  memory.give(fourth);
  expect(memoryOf(memory.take(slabLength))).toBe(memoryOf(third));
});

test('a hundred thousand files that come and go take one slab', () => {
  const memory = slabs();
  const seen = new Set<ArrayBufferLike>();
  for (let n = 0; n < 100_000; n += 1) {
    const piece = memory.take(4096);
    seen.add(memoryOf(piece));
    memory.give(piece);
  }
  expect(seen.size).toBe(1);
});

test('what is longer than a slab gets its own, which is not kept', () => {
  const memory = slabs();
  const long = memory.take(4 * slabLength);
  expect(long.bytes.length).toBe(4 * slabLength);
  memory.take(slabLength);
  memory.give(long);
  expect(memoryOf(memory.take(slabLength))).not.toBe(memoryOf(long));
});
