import { SharingError, type ErrorCode } from '#sharing/errors.js';
import type { Entry, Page } from '#sharing/local.js';
import { expect, test, vi } from 'vitest';
import { showListing, type List } from '#src/command/listing.js';
import type { Context } from '#src/context.js';
import type { Answer } from '#src/view/answer.js';

type Tree = Readonly<Record<string, readonly Partial<Entry>[] | ErrorCode>>;

/** A listing of folders that are given by their paths, a row for each of their names. */
async function list(
  tree: Tree,
  path: string,
  options: Record<string, string | boolean> = {},
  heardRows = Infinity,
) {
  const stop = new AbortController();
  const shown: Answer[] = [];
  const notes: string[] = [];
  const view = {
    show(answer: Answer) {
      shown.push(answer);
    },
    note: (text: string) => notes.push(text),
    isHeard: () => shown.length < heardRows,
    styled: () => view,
  };
  const context = { view, signal: stop.signal, noteFault: () => Promise.resolve() };
  const pages: List = vi.fn(async function* (folder: string) {
    await Promise.resolve();
    const found = tree[folder] ?? 'not-found';
    if (typeof found === 'string') throw new SharingError(found, '');
    if (folder === 'g') yield { entries: [], unshared: 2 };
    for (const row of found) yield pageOf({ type: 'file', size: 0, mtime: 0, ...row } as Entry);
    if (found.length === 0) yield pageOf();
  });
  const call = { server: undefined, words: path === '' ? [] : [path], options };
  const code = await showListing(context as unknown as Context, call, pages);
  const paths = shown.map((one) => ('path' in one ? one.path : one.event));
  return { code, paths, shown, notes, pages, stop };
}

function pageOf(...entries: readonly Entry[]): Page {
  return { entries, unshared: 0 };
}

function file(name: string, size = 0, mtime = 0): Partial<Entry> {
  return { name: name as Entry['name'], size, mtime };
}

function folder(name: string, mtime = 0): Partial<Entry> {
  return { name: name as Entry['name'], type: 'folder', mtime };
}

const tree: Tree = {
  '': [file('b', 5, 30), folder('d', 20), file('e', 9, 10), folder('f', 40)],
  d: [file('x.txt', 1), folder('deep')],
  'd/deep': [file('y.txt')],
  f: [],
};

test('each order has its rule', async () => {
  expect((await list(tree, '')).paths).toEqual(['b', 'd', 'e', 'f']);
  expect((await list(tree, '', { sort: 'size' })).paths).toEqual(['d', 'f', 'e', 'b']);
  expect((await list(tree, '', { sort: 'time' })).paths).toEqual(['f', 'b', 'd', 'e']);
  await expect(list(tree, '', { sort: 'weight' })).rejects.toMatchObject({ code: 'usage' });
});

test('all that is below comes after it, folder by folder', async () => {
  const { paths, code } = await list(tree, '', { recursive: true });
  expect(paths).toEqual(['b', 'd', 'e', 'f', 'd/x.txt', 'd/deep', 'd/deep/y.txt']);
  expect(code).toBe(0);
});

test('a tree that never ends is not followed for ever', async () => {
  const many = Array.from({ length: 60_000 }, (_, at) => folder(`f${at}`));
  const endless = new Proxy<Tree>({}, { get: () => many });
  await expect(list(endless, '', { recursive: true }, 1_000_000)).rejects.toMatchObject({
    code: 'list-too-long',
  });
});

test('whoever has read enough ends it, as head does', async () => {
  const { paths, pages, code } = await list(tree, '', { recursive: true }, 5);
  expect(paths).toEqual(['b', 'd', 'e', 'f', 'd/x.txt']);
  expect(pages).toHaveBeenCalledTimes(2);
  expect(code).toBe(0);
});

test('a pattern chooses names, of all that is below too', async () => {
  expect((await list(tree, '?')).paths).toEqual(['b', 'd', 'e', 'f']);
  expect((await list(tree, 'd/*.txt')).paths).toEqual(['d/x.txt']);
  expect((await list(tree, '*.txt', { recursive: true })).paths).toEqual([
    'd/x.txt',
    'd/deep/y.txt',
  ]);
  await expect(list(tree, '*.gif')).rejects.toMatchObject({ code: 'not-found' });
});

test('a file is a row of its folder, and no pattern', async () => {
  const files: Tree = { '': [file('a1'), file('a[1]')], 'a[1]': 'not-a-folder' };
  expect((await list(files, 'a[1]')).paths).toEqual(['a[1]']);
  await expect(list({ a: 'not-a-folder', 'a/b': 'not-a-folder' }, 'a/b')).rejects.toMatchObject({
    code: 'not-a-folder',
  });
});

test('names that cannot be shared are counted where all are asked for, and a folder of them is not empty', async () => {
  const { shown, notes } = await list({ g: [] }, 'g');
  expect(shown).toEqual([{ event: 'unlisted', path: 'g', names: 2 }]);
  expect(notes).toEqual([]);
  const named: Tree = { g: [file('a.txt')], 'g/a.txt': 'not-a-folder' };
  expect((await list(named, 'g/a.txt')).paths).toEqual(['g/a.txt']);
  expect((await list(named, 'g/*.txt')).paths).toEqual(['g/a.txt']);
});

test('what has no rows says so', async () => {
  expect((await list(tree, 'f')).notes).toEqual(['empty']);
  expect((await list(tree, 'f/')).notes).toEqual(['empty']);
});

test('a folder below that cannot be listed is told, and the others are', async () => {
  const broken: Tree = { '': [folder('a'), folder('b')], a: 'no-permission', b: [file('x')] };
  const { shown, paths, code } = await list(broken, '', { recursive: true });
  expect(paths).toEqual(['a', 'b', 'a', 'b/x']);
  expect(shown[2]).toMatchObject({ event: 'failed', path: 'a', code: 'no-permission' });
  expect(code).toBe(5);
  const lost: Tree = { '': [folder('a'), folder('b')], a: 'connection-lost', b: [] };
  await expect(list(lost, '', { recursive: true })).rejects.toMatchObject({
    code: 'connection-lost',
  });
});

test('rows are shown as they come, and a tree without end is not kept', async () => {
  let given = 0;
  const view = {
    show: vi.fn(),
    note: () => undefined,
    isHeard: () => true,
    styled: (): unknown => view,
  };
  const signal = new AbortController().signal;
  const endless: List = async function* () {
    for (;;) {
      await Promise.resolve();
      expect(view.show).toHaveBeenCalledTimes(given);
      given += 500;
      yield pageOf(...Array.from({ length: 500 }, (_, at) => folder(`${given} ${at}`) as Entry));
    }
  };
  const call = { server: undefined, words: [], options: { recursive: true } };
  await expect(
    showListing({ view, signal } as unknown as Context, call, endless),
  ).rejects.toMatchObject({ code: 'list-too-long' });
  expect(given).toBe(100_500);
});
