import { asLists, wantedList } from '#sharing/dialogue/wanted.js';
import { maxFurther } from '#sharing/wire/message.js';
import { expect, test } from 'vitest';

test.each<[string, readonly string[], readonly (readonly string[])[]]>([
  ['nothing', [], []],
  ['one', ['a'], [['a']]],
  ['plain paths go together, folders too', ['a', 'x/b', 'c/'], [['a', 'x/b', 'c/']]],
  ['a pattern stands alone', ['a', '*.b', 'c', 'd'], [['a'], ['*.b'], ['c', 'd']]],
  [
    'what no server looks for stands alone',
    ['a', '../b', '', '/', 'c'],
    [['a'], ['../b'], [''], ['/'], ['c']],
  ],
  [
    'a name that comes again waits for the first',
    ['a', 'x/a', 'b', 'a'],
    [['a'], ['x/a', 'b'], ['a']],
  ],
  [
    'as does one that some system takes for it',
    ['a', 'b/A', 'ﬁ', 'fi'],
    [['a'], ['b/A', 'ﬁ'], ['fi']],
  ],
])('%s', (_what, paths, lists) => {
  expect(asLists(paths)).toEqual(lists);
});

test('a list fits into one message', () => {
  const many = Array.from({ length: 2 * maxFurther }, (_, at) => `${at}`);
  expect(asLists(many).map((list) => list.length)).toEqual([maxFurther + 1, maxFurther - 1]);
  const long = Array.from({ length: 20 }, (_, at) => `${'ü'.repeat(100)}/${'日'.repeat(79)}/${at}`);
  const lists = asLists(Array.from({ length: 20 }, () => long).flat());
  expect(lists.flat()).toHaveLength(400);
  for (const list of lists) {
    expect(Buffer.byteLength(JSON.stringify(list))).toBeLessThan(60 * 1024);
  }
});

test('each name of a list is taken once, and what was asked for is called so', () => {
  const wanted = wantedList(['x/a', 'b/']);
  expect([wanted.path, ...wanted.further]).toEqual(['x/a', 'b']);
  expect(wanted.take('x')).toBeUndefined();
  expect(wanted.take('a')).toBe('a');
  expect(wanted.take('a')).toBeUndefined();
  expect([...wanted.untold()]).toEqual(['b']);
  expect(['a', 'b/c/d', 'z/y'].map((path) => wanted.pathOf(path))).toEqual(['x/a', 'b/c/d', 'z/y']);
});
