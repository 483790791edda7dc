import { expect, test } from 'vitest';
import { columnsOf, cutTo, fitInto, padTo, shortened } from '#src/view/columns.js';

test.each([
  ['', 0],
  ['plain.txt', 9],
  ['Müller', 6],
  ['Mu\u0308ller', 6],
  ['日本語', 6],
  ['ﾊﾝｶｸ', 4],
  ['한글', 4],
  ['עברית', 5],
  ['🎈', 2],
  ['❤️', 2],
])('%j takes %i columns', (text, columns) => {
  expect(columnsOf(text)).toBe(columns);
  expect(fitInto(text, columns)).toBe(text);
  expect(columnsOf(fitInto(text, columns - 1))).toBeLessThan(Math.max(columns, 1));
});

test('columns stand below each other', () => {
  expect(padTo('amber', 8)).toBe('amber   ');
  expect(padTo('琥珀', 8)).toBe('琥珀    ');
  expect(padTo('longer than that', 8)).toBe('longer than that');
});

test('a text that is cut off fits, its end included', () => {
  expect(cutTo('short', 5)).toBe('short');
  expect(cutTo('shorter', 5)).toBe('shor…');
  expect(cutTo('漢字漢字', 5)).toBe('漢字…');
  expect(cutTo('漢字漢字', 6)).toBe('漢字…');
});

test('of a text that is too long the middle is left out', () => {
  expect(shortened('short', 5)).toBe('short');
  expect(shortened('a-long-name.tar.gz', 12)).toBe('a-lon...r.gz');
  expect(columnsOf(shortened('漢字漢字漢字漢字', 9))).toBeLessThanOrEqual(9);
});
