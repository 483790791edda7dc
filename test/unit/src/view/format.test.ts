import { expect, test } from 'vitest';
import { bytesText, durationText, isoTime, placeText, timeText } from '#src/view/format.js';

test.each([
  [0, '0 B'],
  [1, '1 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [10 * 1024 + 52, '10.1 KiB'],
  [100 * 1024, '100 KiB'],
  [1024 ** 2 - 1, '1 MiB'],
  [1024 ** 3, '1 GiB'],
  [2.5 * 1024 ** 4, '2.5 TiB'],
  [Number.MAX_SAFE_INTEGER, '8 PiB'],
])('%d bytes', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('no size is shown as 1024 of a unit', () => {
  for (let bytes = 1; bytes < 2 ** 52; bytes = Math.ceil(bytes * 1.01)) {
    expect(bytesText(bytes)).toMatch(
      /^(\d{1,2}(\.\d)?|100|[1-9]\d\d|10[01]\d|102[0-3]) [KMGTP]?i?B$/,
    );
  }
});

test.each([
  [-5, '0 s'],
  [0, '0 s'],
  [1499, '1 s'],
  [59_499, '59 s'],
  [59_500, '1 min 0 s'],
  [200_000, '3 min 20 s'],
  [3_599_400, '59 min 59 s'],
  [3_600_000, '1 h 0 min'],
  [7_500_000, '2 h 5 min'],
  [90_000_000, '25 h 0 min'],
])('%d ms', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});

test('times are local for people, UTC for programs', () => {
  const local = new Date(2026, 10, 20, 9, 5).getTime() * 1000;
  expect(timeText(local)).toBe('2026-11-20 09:05');
  expect(isoTime(Date.UTC(2026, 10, 20, 9, 5, 6, 7) * 1000)).toBe('2026-11-20T09:05:06.007Z');
  expect(isoTime(-1_000_000)).toBe('1969-12-31T23:59:59.000Z');
});

test('a time that no calendar has', () => {
  for (const never of [Number.MAX_SAFE_INTEGER * 1000, Number.NaN, Infinity]) {
    expect(timeText(never)).toBe('?');
    expect(isoTime(never)).toBeNull();
  }
});

test('an IPv6 address stands in brackets before a port', () => {
  expect(placeText('192.168.1.20', 30_001)).toBe('192.168.1.20:30001');
  expect(placeText('fe80::1%eth0', 1)).toBe('[fe80::1%eth0]:1');
});
