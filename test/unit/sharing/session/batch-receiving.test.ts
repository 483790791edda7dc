import { SharingError } from '#sharing/errors.js';
import {
  batchReceiveRules,
  type BatchReceiveRules,
  type Offered,
} from '#sharing/session/batch-receiving.js';
import { maxOpenRows } from '#sharing/session/batch-sending.js';
import { maxDepth } from '#sharing/storage/path.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { OfferRow } from '#sharing/wire/rows.js';
import { describe, expect, test } from 'vitest';

const breach = expect.objectContaining({ code: 'protocol' }) as Error;
const tag = 'a'.repeat(32);
const folder = (path: string): OfferRow => [path, 7];
const small = (path: string, size = 3): OfferRow => [path, size, 8];
const large = (path: string): OfferRow => [path, chunkSize + 1, 9, tag];
const chunk = (file: number, length = 3, number = 0) => ({
  id: 1,
  file,
  chunk: number,
  length,
  digest: Buffer.alloc(32),
});
const digests = (file: number, count = 1, first = 0) => ({
  id: 1,
  file,
  first,
  digests: Buffer.alloc(32 * count),
});

function nameOf(row: Offered): SharingError | string {
  return row.kind === 'refused' ? row.error : row.name;
}

/** Rules that have this page, with more to come. */
function offered(...rows: OfferRow[]): BatchReceiveRules {
  const rules = batchReceiveRules();
  rules.offer(rows, true);
  return rules;
}

describe('receiving a batch', () => {
  test('rows are told in order, with the folder that each lies in', () => {
    const rules = batchReceiveRules();
    const first = rules.offer(
      [folder('a'), small('a/one'), folder('a/b'), large('a/b/two'), small('three', 0)],
      true,
    );
    const parents = first.map((row) => (row.kind === 'refused' ? undefined : row.parent));
    const [a, one, b, two, three] = first;
    expect(a).toEqual({
      kind: 'folder',
      file: 0,
      path: 'a',
      name: 'a',
      parent: undefined,
      mtime: 7,
    });
    expect(one).toMatchObject({ kind: 'small', file: 1, name: 'one', size: 3, mtime: 8, tag: '' });
    expect(two).toMatchObject({ kind: 'large', file: 3, name: 'two', tag });
    expect(parents).toEqual([undefined, a, a, b, undefined]);
    expect(three).toMatchObject({ kind: 'small', size: 0, parent: undefined });
  });

  test('a folder goes on over pages, and numbers do', () => {
    const rules = offered(folder('a'), folder('a/b'));
    const [next] = rules.offer([small('a/c')], true);
    expect(next).toMatchObject({ file: 2, parent: { path: 'a' } });
  });

  test('a folder of the same name may come again when it is left, at the top and below', () => {
    const rows = offered(folder('a'), folder('a/b'), small('a/b/c'), folder('a/b'), folder('a'));
    expect(rows.offer([small('a/c')], true)).toMatchObject([{ file: 5, parent: { file: 4 } }]);
  });

  test('what was not offered as a folder is none, whatever its name begins with', () => {
    expect(() => offered(folder('a'), small('ab/c'))).toThrow(breach);
    expect(() => offered(small('a'), small('a/c'))).toThrow(breach);
  });

  test('what is refused by its path takes a number, and is over', () => {
    const rules = batchReceiveRules();
    const rows = rules.offer([folder('a'), ['b', 'not-found', 'ENOENT'], small('c')], false);
    expect(rows[1]).toMatchObject({ kind: 'refused', file: 1, path: 'b' });
    expect(nameOf(rows[1]!)).toMatchObject({ code: 'not-found', message: 'ENOENT' });
    expect(rules.isOpen(1)).toBe(false);
    expect(() => offered(folder('a'), ['b', 'not-found', ''], small('a/c'))).toThrow(breach);
    for (const file of [0, 2]) rules.over(file);
    expect(rules.isDone()).toBe(true);
  });

  test('names are judged, and a refusal takes what is below with it', () => {
    const rules = batchReceiveRules();
    const rows = rules.offer(
      [folder('a'), folder('a/.ssh'), small('a/.ssh/keys'), folder('a/.ssh/x'), small('a/b\\c')],
      true,
    );
    expect(
      rows.map(nameOf).map((name) => (name instanceof SharingError ? name.code : name)),
    ).toEqual(['a', 'name-refused', 'name-refused', 'name-refused', 'name-refused']);
    const [long] = rules.offer([small('x'.repeat(241))], true);
    expect(nameOf(long!)).toMatchObject({ code: 'name-too-long' });
    // They are refused one by one: each that is a file, or at the top, still waits for its last word.
    rules.offer([], false);
    for (const file of [2, 4, 5]) rules.over(file);
    expect(rules.isDone()).toBe(false);
    rules.over(0);
    expect(rules.isDone()).toBe(true);
  });

  test.each(['..', '.', '', '/', '/etc', 'a/../b', 'a//b', 'a/', '../a', '/a'])(
    'the path %j never gives a name that leads out',
    (path) => {
      const rules = batchReceiveRules();
      try {
        for (const row of rules.offer([folder('a'), small(path)], true).slice(1)) {
          expect(nameOf(row)).not.toBeTypeOf('string');
        }
      } catch (error) {
        expect(error).toEqual(breach);
      }
      expect.assertions(1);
    },
  );

  test('32 names are deep enough', () => {
    const paths = Array.from({ length: maxDepth }, (_, at) =>
      Array(at + 1)
        .fill('a')
        .join('/'),
    );
    const folders = paths.slice(0, -1).map(folder);
    expect(offered(...folders, small(paths.at(-1)!)).isOpen(maxDepth - 1)).toBe(true);
    expect(() => offered(...paths.map(folder), small([...paths.slice(-1), 'a'].join('/')))).toThrow(
      breach,
    );
  });

  test('a chunk is the longest small file; a short one may have a tag all the same', () => {
    expect(offered(small('a', chunkSize)).isOpen(0)).toBe(true);
    expect(() => offered(small('a', chunkSize + 1))).toThrow(breach);
    const [row] = batchReceiveRules().offer([['a', 3, 8, tag]], true);
    expect(row).toMatchObject({ kind: 'small', tag });
  });

  test('the last page ends it, and only it may be empty', () => {
    const rules = offered(small('a'));
    expect(() => rules.offer([], true)).toThrow(breach);
    expect(rules.isWhole()).toBe(false);
    rules.offer([], false);
    expect(rules.isWhole()).toBe(true);
    expect(() => rules.offer([small('b')], false)).toThrow(breach);
    expect(() => rules.offer([], false)).toThrow(breach);
  });

  test('it is done when all rows are here, and all files and folders at the top are over', () => {
    const rules = offered(folder('a'), folder('a/b'), small('a/b/c'));
    for (const file of [0, 2]) rules.over(file);
    expect(rules.isDone()).toBe(false);
    rules.offer([], false);
    expect(rules.isDone()).toBe(true);
  });

  test('no more rows than may be offered and not judged', () => {
    const rules = batchReceiveRules();
    const rows = Array.from({ length: maxOpenRows }, (_, at) => folder(at === 0 ? 'a' : `a/${at}`));
    rules.offer(rows, true);
    expect(rules.judged()).toBe(1);
    rules.offer([folder('a/x')], true);
    expect(() => rules.offer([folder('a/y')], true)).toThrow(breach);
  });

  test('no more files than may be offered and not over, though all are judged', () => {
    const rules = batchReceiveRules();
    rules.offer(
      Array.from({ length: maxOpenRows }, (_, at) => small(`${at}`)),
      true,
    );
    for (let row = 0; row < maxOpenRows; row += 1) rules.judged();
    rules.over(5);
    rules.over(6);
    rules.offer([small('x'), small('y')], true);
    // A few more may come while the last words on large files cross.
    rules.offer(
      Array.from({ length: 8 }, (_, at) => small(`more ${at}`)),
      true,
    );
    expect(() => rules.offer([small('z')], true)).toThrow(breach);
  });

  test('a small file: its digest, then its one chunk, each once', () => {
    const rules = offered(small('a'));
    rules.want(0, 'digest', 3);
    expect(rules.awaited()).toBe(1);
    expect(rules.isAwaited(0)).toBe(true);
    rules.digest(digests(0));
    expect(rules.isAwaited(0)).toBe(false);
    expect(() => {
      rules.digest(digests(0));
    }).toThrow(breach);
    expect(rules.awaited()).toBe(0);
    rules.want(0, 'bytes', 3);
    rules.chunk(chunk(0));
    expect(() => {
      rules.chunk(chunk(0));
    }).toThrow(breach);
  });

  test('a file that is over is not awaited any more', () => {
    const rules = offered(small('a'));
    rules.want(0, 'bytes', 3);
    rules.over(0);
    expect(rules.awaited()).toBe(0);
    expect(() => {
      rules.chunk(chunk(0));
    }).toThrow(breach);
  });

  test.each<[string, (rules: BatchReceiveRules) => unknown]>([
    [
      'a chunk that nobody asked for',
      (rules) => {
        rules.chunk(chunk(1));
      },
    ],
    [
      'a chunk of a row that was not offered',
      (rules) => {
        rules.chunk(chunk(9));
      },
    ],
    [
      'a chunk where a digest was asked for',
      (rules) => {
        rules.chunk(chunk(2));
      },
    ],
    [
      'a digest where a chunk was asked for',
      (rules) => {
        rules.digest(digests(0));
      },
    ],
    [
      'a chunk that is too short',
      (rules) => {
        rules.chunk(chunk(0, 2));
      },
    ],
    [
      'a chunk that is too long',
      (rules) => {
        rules.chunk(chunk(0, 4));
      },
    ],
    [
      'a second chunk of a small file',
      (rules) => {
        rules.chunk(chunk(0, 3, 1));
      },
    ],
    [
      'digests that nobody asked for',
      (rules) => {
        rules.digest(digests(1));
      },
    ],
    [
      'two digests of a small file',
      (rules) => {
        rules.digest(digests(2, 2));
      },
    ],
    [
      'a digest that is not the first',
      (rules) => {
        rules.digest(digests(2, 1, 1));
      },
    ],
    ['a word on a row that was not offered', (rules) => rules.isOpen(3)],
  ])('%s is a breach', (_, step) => {
    const rules = offered(small('a'), small('b'), small('c'));
    rules.want(0, 'bytes', 3);
    rules.want(2, 'digest', 3);
    expect(() => step(rules)).toThrow(breach);
  });

  test('the path of a folder is known for a while, and not for ever', () => {
    const rules = offered(folder('a'));
    for (let row = 0; row < maxOpenRows; row += 1) {
      rules.judged();
      rules.offer([folder(`a/${row}`)], true);
    }
    expect(rules.folderPath(1)).toBe('a/0');
    expect(rules.folderPath(maxOpenRows)).toBe(`a/${maxOpenRows - 1}`);
    expect(rules.folderPath(0)).toBeUndefined();
    expect(rules.folderPath(maxOpenRows + 1)).toBeUndefined();
  });
});
