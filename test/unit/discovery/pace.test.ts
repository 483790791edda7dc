import { expect, test } from 'vitest';
import { boundedTimeout, roundTime, roundTimes, scanEnd, sweepTime } from '#discovery/pace.js';

test.each([
  [300, [0, 120]],
  [1500, [0, 120, 400, 900]],
  [3000, [0, 120, 400, 900]],
  [5000, [0, 120, 400, 900, 2900, 4900]],
  [10_000, [0, 120, 400, 900, 2900, 4900, 6900, 8900]],
])('a scan of %i ms probes at %j', (timeoutMs, rounds) => {
  expect(roundTimes(timeoutMs)).toEqual(rounds);
});

test('the second round waits where very many have answered, and no other does', () => {
  expect(roundTimes(1500).map((at) => roundTime(at, true))).toEqual([0, 200, 400, 900]);
  expect(roundTime(120, false)).toBe(120);
});

test('with nothing found it waits to the end', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: null })).toBe(5000);
});

test('with something found it ends when the last early round can have been answered', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: 12 })).toBe(1130);
});

test('500 ms after the last news, never after the timeout', () => {
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: 900 })).toBe(1400);
  expect(scanEnd({ timeoutMs: 1200, lastNewMs: 900 })).toBe(1200);
});

test('a sweep makes it longer, and news that a sweep brought is waited for', () => {
  expect(scanEnd({ timeoutMs: 1500, lastNewMs: null, sweptMs: null })).toBe(2500);
  expect(scanEnd({ timeoutMs: 1500, lastNewMs: 1100, sweptMs: null })).toBe(2500);
  expect(scanEnd({ timeoutMs: 1500, lastNewMs: null, sweptMs: 1500 })).toBe(2500);
  expect(scanEnd({ timeoutMs: 1500, lastNewMs: 1100, sweptMs: 1500 })).toBe(2000);
  expect(scanEnd({ timeoutMs: 1500, lastNewMs: 1700, sweptMs: 1500 })).toBe(2200);
  expect(scanEnd({ timeoutMs: 5000, lastNewMs: null, sweptMs: 1500 })).toBe(5000);
});

test('it begins late, only in a scan of the usual length, or soon when it was asked for', () => {
  expect(sweepTime({ timeoutMs: 1500, deep: false })).toBe(1000);
  expect(sweepTime({ timeoutMs: 1499, deep: false })).toBeNull();
  expect(sweepTime({ timeoutMs: 300, deep: true })).toBe(200);
});

test.each([
  [0, 300],
  [1500, 1500],
  [99_999, 10_000],
])('a timeout of %i ms means %i', (asked, given) => {
  expect(boundedTimeout(asked)).toBe(given);
});
