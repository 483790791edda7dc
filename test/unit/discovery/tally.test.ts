import { expect, test } from 'vitest';
import { createCounter } from '#discovery/tally.js';

test('reports each word at once, then what gathered in a period', () => {
  let clock = 0;
  const counter = createCounter<string>(60_000, () => clock);
  expect(counter.count('a')).toBe(1);
  expect(counter.count('a')).toBeNull();
  expect(counter.count('b')).toBe(1);
  clock = 60_000;
  expect(counter.count('a')).toBe(2);
  expect(counter.totals()).toEqual({ a: 3, b: 1 });
});
