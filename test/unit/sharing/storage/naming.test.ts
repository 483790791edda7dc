import { expect, test } from 'vitest';
import { numbered, takenNumbers } from '#sharing/storage/naming.js';
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

test('a name with no room for a number says so', () => {
  expect(() => numbered(safeName('x'.repeat(240)), 2)).toThrow(
    expect.objectContaining({ code: 'name-too-long' }) as Error,
  );
});

test('the last number of a name is remembered for each folder', () => {
  const numbers = takenNumbers();
  const name = safeName('a.txt');
  numbers.note('1:2', name, 1);
  expect(numbers.last('1:2', name)).toBeUndefined();
  numbers.note('1:2', name, 7);
  expect([numbers.last('1:2', name), numbers.last('1:3', name)]).toEqual([7, undefined]);
});
