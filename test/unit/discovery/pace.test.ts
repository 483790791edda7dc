import { expect, test } from 'vitest';
import { boundedTimeout, roundTimes, scanEnd } from '#discovery/pace.js';

test.each([
  [300, [0, 120]],
  [1500, [0, 120, 400, 900]],
  [3000, [0, 120, 400, 900]],
  [5000, [0, 120, 400, 900, 2900, 4900]],
  [10_000, [0, 120, 400, 900, 2900, 4900, 6900, 8900]],
])('a scan of %i ms probes at %j', (timeoutMs, rounds) => {
  expect(roundTimes(timeoutMs)).toEqual(rounds);
});

test('with nothing found it waits to the end', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: null })).toBe(5000);
});

test('with something found it ends when the last early round can have been answered', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: 12 })).toBe(1050);
});

test('500 ms after the last news, never after the timeout', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: 900 })).toBe(1400);
  expect(scanEnd({ timeoutMs: 1200, lastNewMs: 900 })).toBe(1200);
});

test.each([
  [0, 300],
  [1500, 1500],
  [99_999, 10_000],
])('a timeout of %i ms means %i', (asked, given) => {
  expect(boundedTimeout(asked)).toBe(given);
});
