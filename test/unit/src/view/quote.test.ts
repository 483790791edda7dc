import { expect, test } from 'vitest';
import { quote, someOf } from '#src/view/quote.js';

test.each([
  ['plain.txt', 'plain.txt'],
  ['two words, "quotes" and it\'s', 'two words, "quotes" and it\'s'],
  ['Müller 日本語 עברית 🎈 👩‍👩‍👧 ❤️', 'Müller 日本語 עברית 🎈 👩‍👩‍👧 ❤️'],
  ['\u001b[31mred', '\\u{1b}[31mred'],
  ['a\nb\rc\td', 'a\\u{a}b\\u{d}c\\u{9}d'],
  ['gpj\u202e.exe', 'gpj\\u{202e}.exe'],
  ['a\u200bb', 'a\\u{200b}b'],
  ['\ud800', '\\u{d800}'],
  ['C:\\Users', 'C:\\Users'],
  ['a\u00ad\u3164\u{e0041}b', 'a\\u{ad}\\u{3164}\\u{e0041}b'],
  ['', ''],
])('%j', (text, shown) => {
  expect(quote(text)).toBe(shown);
});

test('no legal name is cut, nor a path of them', () => {
  const name = 'n'.repeat(240);
  expect(quote(name)).toBe(name);
  const path = Array.from({ length: 16 }, () => name).join('/');
  expect(quote(path)).toBe(path);
});

test('what is too long is cut between characters, and that is shown', () => {
  expect(quote('🎈'.repeat(4096))).toBe('🎈'.repeat(4096));
  expect(quote('🎈'.repeat(4097))).toBe(`${'🎈'.repeat(4096)}…`);
});

test('of a long list the first are named', () => {
  expect(someOf(['a', 'b'])).toBe('a, b');
  expect(someOf(Array.from({ length: 10 }, (_, n) => String(n)))).toBe(
    '0, 1, 2, 3, 4, 5, 6, 7, and 2 more',
  );
});
