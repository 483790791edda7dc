import { expect, test } from 'vitest';
import { cleanName } from '#discovery/name.js';

test.each([
  ['Amber', 'Amber'],
  ['  Amber   of  home ', 'Amber of home'],
  ['Am\tber\r\nX', 'Am ber X'],
  ['red\u001b[31mtext', 'red[31mtext'],
  ['a\u202egnp.exe', 'agnp.exe'],
  ['a\u2066b\u2069\u200f', 'ab'],
  ['line\u2028sep\u2029par', 'line sep par'],
  ['lone\ud800surrogate', 'lonesurrogate'],
  ['zero\u200bwidth\ufeff', 'zerowidth'],
  ['\u3164\u115f\u2800x', 'x'],
  ['e\u0301', '\u00e9'],
  ['Zo\u00eb \u5c71', 'Zo\u00eb \u5c71'],
  ['SERVICE DISCOVERY', null],
  ['SERVICE DISCOVERY SERVICE DISCOVERY Amber', 'Amber'],
  ['\u0000\u0007', null],
  ['', null],
  ['   ', null],
])('%j becomes %j', (raw, clean) => {
  expect(cleanName(raw)).toBe(clean);
});

test('at most 64 characters', () => {
  expect(cleanName('x'.repeat(65))).toBe('x'.repeat(64));
});

test('at most 128 bytes, cut between characters', () => {
  expect(cleanName('\u{1f600}'.repeat(40))).toBe('\u{1f600}'.repeat(32));
  expect(cleanName('x' + '\u5c71'.repeat(60))).toBe('x' + '\u5c71'.repeat(42));
});
