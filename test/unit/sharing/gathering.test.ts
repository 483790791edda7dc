import { SharingError } from '#sharing/errors.js';
import {
  gathering,
  marked,
  type Ended,
  type Gathering,
  type Transferred,
} from '#sharing/gathering.js';
import { describe, expect, test } from 'vitest';

const file = (path: string, outcome: 'received' | 'identical' = 'received'): Transferred => ({
  outcome,
  path,
  as: path.slice(path.indexOf('/') + 1),
  size: 5,
  digest: 'blake3:00',
});
const skipped: Transferred = { outcome: 'skipped', path: 'a/s', as: 's' };
const error = new SharingError('changed', '');

function open(each: boolean): { gathered: Gathering; ended: Ended[] } {
  const ended: Ended[] = [];
  return { gathered: gathering(each, (one) => ended.push(one)), ended };
}

describe('gathering', () => {
  test('a file in no folder is told at once, as it is', () => {
    const { gathered, ended } = open(false);
    gathered.file(undefined, file('x'));
    gathered.failed(undefined, 'y', error);
    expect(ended).toEqual([file('x'), { outcome: 'failed', path: 'y', error }]);
  });

  test('of a folder the counts are told when it has its name; bytes are those that came', () => {
    const { gathered, ended } = open(false);
    gathered.file('a', file('a/x'));
    gathered.file('a', file('a/y', 'identical'));
    gathered.file('a', skipped);
    expect(ended).toEqual([]);
    gathered.failed('a', 'a/z', error);
    // A failure is told at once: its folder may take long.
    expect(ended).toEqual([{ outcome: 'failed', path: 'a/z', error }]);
    gathered.folder('a', 'new_a');
    expect(ended[1]).toEqual({
      outcome: 'folder',
      path: 'a',
      as: 'new_a',
      files: 2,
      bytes: 5,
      identical: 1,
      skipped: 1,
      renamed: 0,
      failed: 1,
    });
    expect(ended).toHaveLength(2);
  });

  test('a file that got a number is counted and marked; one with a prefix before its name is not', () => {
    const { gathered, ended } = open(true);
    gathered.file('a', { ...file('a/x.txt'), as: 'x (2).txt' });
    gathered.file('a', file('a/y.txt'));
    gathered.file(undefined, { ...file('z.txt'), as: 'new_z.txt' });
    gathered.file(undefined, { ...file('z.txt'), as: 'new_z (2).txt' });
    gathered.folder('a', 'new_a');
    expect(ended.map((one) => ['renamed' in one && one.renamed, one.path])).toEqual([
      [false, 'z.txt'],
      [true, 'z.txt'],
      [true, 'a/x.txt'],
      [false, 'a/y.txt'],
      [1, 'a'],
    ]);
  });

  test('each file in it is told before it, under the name that the folder got', () => {
    const { gathered, ended } = open(true);
    gathered.file('a', file('a/deep/x'));
    gathered.file('a', skipped);
    expect(ended).toEqual([]);
    gathered.folder('a', 'new_a (2)');
    expect(ended).toMatchObject([
      { outcome: 'received', path: 'a/deep/x', as: 'new_a (2)/deep/x' },
      { outcome: 'skipped', path: 'a/s', as: 'new_a (2)/s' },
      { outcome: 'folder', files: 1, skipped: 1 },
    ]);
  });

  test('folders are counted apart, and anew when one comes again; an empty one has none', () => {
    const { gathered, ended } = open(false);
    gathered.file('a', file('a/x'));
    gathered.file('b', file('b/x'));
    gathered.file('b', file('b/y'));
    gathered.folder('b', 'b');
    gathered.folder('a', 'a');
    gathered.folder('a', 'a (2)');
    expect(ended).toMatchObject([
      { path: 'b', files: 2, bytes: 10 },
      { path: 'a', files: 1, bytes: 5 },
      {
        path: 'a',
        as: 'a (2)',
        files: 0,
        bytes: 0,
        identical: 0,
        skipped: 0,
        renamed: 0,
        failed: 0,
      },
    ]);
  });
});

test.each([
  ['C:\\photos\\cat.jpg', 'new_cat.jpg', undefined, undefined],
  ['C:\\photos\\cat.jpg', 'new_cat (2).jpg', undefined, true],
  ['-', 'log.txt', 'log.txt', undefined],
  ['-', 'log (2).txt', 'log.txt', true],
])('of %s as %s, wanted as %s, renamed is %s', (path, as, asked, renamed) => {
  expect(marked({ ...file(path), as }, asked)).toEqual({
    ...file(path),
    as,
    ...(renamed && { renamed }),
  });
});

test('what did not come has no new name', () => {
  const same = { ...file('a', 'identical'), as: 'b' };
  expect(marked(same)).toBe(same);
  expect(marked(skipped)).toBe(skipped);
});
