import { expect, test } from 'vitest';
import { isSibling, numbered } from '#sharing/storage/naming.js';
import { safeName } from '#sharing/storage/path.js';

test.each([
  ['report.pdf', 1, 'report.pdf'],
  ['report.pdf', 2, 'report (2).pdf'],
  ['archive.tar.gz', 3, 'archive (3).tar.gz'],
  ['no extension', 2, 'no extension (2)'],
  ['two.dots.txt', 2, 'two.dots (2).txt'],
  ['ends with.', 2, 'ends with. (2)'],
])('%s, number %i, is %s', (name, n, expected) => {
  expect(numbered(safeName(name), n)).toBe(expected);
});

test.each([
  ['a.txt', 'a.txt', true],
  ['a.txt', 'a (2).txt', true],
  ['a.txt', 'a (99999).txt', true],
  ['a.txt', 'a (1).txt', false],
  ['a.txt', 'a (02).txt', false],
  ['a.txt', 'a (2) (3).txt', false],
  ['a.txt', 'a (x).txt', false],
  ['a.txt', 'ab (2).txt', false],
  ['a.txt', 'a ().txt', false],
  ['a', 'a (2)', true],
])('%s and %s: siblings %s', (name, other, expected) => {
  expect(isSibling(safeName(name), other)).toBe(expected);
});

test('a name with no room for a number says so', () => {
  expect(() => numbered(safeName('x'.repeat(240)), 2)).toThrow(
    expect.objectContaining({ code: 'name-too-long' }) as Error,
  );
});
