import { countOf, mustBeRanges, rangesOf } from '#sharing/session/ranges.js';
import { maxRanges, type Ranges } from '#sharing/wire/message.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const breach = expect.objectContaining({ code: 'protocol' }) as Error;

test.each<[string, Ranges]>([
  ['none', []],
  ['all', [[0, 10]]],
  ['the last one', [[9, 10]]],
  [
    'several with gaps',
    [
      [0, 1],
      [2, 5],
      [6, 10],
    ],
  ],
])('%s are ranges of ten', (_, ranges) => {
  expect(() => {
    mustBeRanges(ranges, 10);
  }).not.toThrow();
});

test.each<[string, Ranges]>([
  ['an empty one', [[3, 3]]],
  ['the wrong way round', [[3, 2]]],
  ['beyond the end', [[9, 11]]],
  [
    'touching',
    [
      [0, 2],
      [2, 4],
    ],
  ],
  [
    'overlapping',
    [
      [0, 3],
      [2, 4],
    ],
  ],
  [
    'descending',
    [
      [4, 5],
      [0, 1],
    ],
  ],
])('%s: a breach', (_, ranges) => {
  expect(() => {
    mustBeRanges(ranges, 10);
  }).toThrow(breach);
});

test('ascending numbers become the fewest ranges that hold just them, in parts for a message each', () => {
  expect(rangesOf([])).toEqual([]);
  expect(rangesOf([0])).toEqual([[[0, 1]]]);
  expect(rangesOf([3, 4, 5, 9])).toEqual([
    [
      [3, 6],
      [9, 10],
    ],
  ]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300)), (some) => {
      const numbers = some.sort((a, b) => a - b);
      const [part = []] = rangesOf(numbers);
      mustBeRanges(part, 301);
      expect(countOf(part)).toBe(numbers.length);
      expect(part.flatMap(([from, to]) => numbersFrom(from, to))).toEqual(numbers);
    }),
  );
});

test('no part has more ranges than a message, and none is lost between two', () => {
  const even = Array.from({ length: 2 * maxRanges + 1 }, (_, at) => 2 * at);
  const parts = rangesOf(even);
  expect(parts.map(({ length }) => length)).toEqual([maxRanges, maxRanges, 1]);
  expect(parts.flat().flatMap(([from, to]) => numbersFrom(from, to))).toEqual(even);
  // What continues the last range of a full part needs no other one.
  const grown = rangesOf([...even.slice(0, maxRanges), 2 * maxRanges - 1]);
  expect(grown).toHaveLength(1);
});

function numbersFrom(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
