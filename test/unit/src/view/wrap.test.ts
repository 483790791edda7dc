import { expect, test } from 'vitest';
import { columnsOn, twoColumns, wrapped } from '#src/view/wrap.js';

test('words go into lines of so many columns; one that is longer stands alone', () => {
  expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapped('one incredible two', 5)).toEqual(['one', 'incredible', 'two']);
  expect(wrapped('one two', Infinity)).toEqual(['one two']);
  expect(wrapped('', 5)).toEqual(['']);
});

test('without a bound the left column is as wide as its widest', () => {
  expect(
    twoColumns(
      [
        ['a', 'first'],
        ['bcd', 'second'],
      ],
      Infinity,
    ),
  ).toEqual(['  a    first', '  bcd  second']);
});

test('on a narrow screen what is too wide for the left column stands above its meaning', () => {
  expect(
    twoColumns(
      [
        ['a', 'the first of all'],
        ['very-long-left', 'second'],
      ],
      20,
    ),
  ).toEqual([
    '  a         the',
    '            first of',
    '            all',
    '  very-long-left',
    '            second',
  ]);
});

test('only a terminal that knows its width has one', () => {
  expect(columnsOn({ isTTY: true, columns: 60 })).toBe(60);
  expect(columnsOn({ isTTY: true, columns: 0 })).toBe(Infinity);
  expect(columnsOn({ columns: 60 })).toBe(Infinity);
});
