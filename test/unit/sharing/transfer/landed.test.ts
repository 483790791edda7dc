import { landedWords } from '#sharing/transfer/landed.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watched() {
  const said: number[][] = [];
  const words = landedWords(({ chunk, also = [] }) => said.push([...also, chunk]), {
    id: 1,
    file: 0,
  });
  // The first one is told at once: long ago nothing was.
  vi.advanceTimersByTime(1000);
  words.landed(0, false);
  expect(said.splice(0)).toEqual([[0]]);
  return { said, words };
}

test('four that come quickly are told together', () => {
  const { said, words } = watched();
  for (const chunk of [1, 2, 3]) words.landed(chunk, false);
  expect(said).toEqual([]);
  words.landed(4, false);
  expect(said).toEqual([[1, 2, 3, 4]]);
});

test('the last one is told with those before it', () => {
  const { said, words } = watched();
  words.landed(1, false);
  words.landed(2, true);
  expect(said).toEqual([[1, 2]]);
});

test('one is told in any case, though nothing else lands', () => {
  const { said, words } = watched();
  words.landed(1, false);
  vi.advanceTimersByTime(20);
  words.landed(2, false);
  expect(said).toEqual([]);
  vi.advanceTimersByTime(30);
  expect(said).toEqual([[1, 2]]);
  vi.advanceTimersByTime(1000);
  expect(said).toHaveLength(1);
});

test('nothing is said after the end', () => {
  const { said, words } = watched();
  words.landed(1, false);
  words.end();
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([]);
});
