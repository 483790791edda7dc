import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Context } from '#src/context.js';
import { nameSources } from '#src/shell/name-sources.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-names-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

type List = (path: string) => AsyncGenerator<object, void>;

function open(list?: List, scanned: readonly { readonly name: string }[] = []) {
  const memory = { session: list && { list: vi.fn(list) }, scanned };
  const settings = { clientDirectory: 'mine' };
  const parts = { memory, settings, stateFolder: folder, workingFolder: folder };
  return { memory, names: nameSources(parts as unknown as Context) };
}

async function* pages(...rows: readonly (readonly [string, 'file' | 'folder'])[][]) {
  await Promise.resolve();
  for (const page of rows) yield { entries: page.map(([name, type]) => ({ name, type })) };
}

test('the remote names are asked for once, until something ran', async () => {
  const { memory, names } = open(() => pages([['a', 'file']], [['b', 'folder']]));
  const both = {
    names: [
      { name: 'a', isFolder: false },
      { name: 'b', isFolder: true },
    ],
    cut: false,
  };
  expect(await names.remote('')).toEqual(both);
  expect(await names.remote('')).toEqual(both);
  expect(memory.session?.list).toHaveBeenCalledTimes(1);
  names.forget();
  await names.remote('');
  expect(memory.session?.list).toHaveBeenCalledTimes(2);
});

test('another session is another server', async () => {
  const { memory, names } = open(() => pages([['a', 'file']]));
  await names.remote('');
  memory.session = { list: vi.fn(() => pages([['b', 'file']])) };
  expect((await names.remote('')).names).toMatchObject([{ name: 'b' }]);
  memory.session = undefined;
  expect(await names.remote('')).toEqual({ names: [], cut: false });
});

test('a server that answers late keeps nobody waiting; what it said is there at the next Tab', async () => {
  let answer: (() => void) | undefined;
  const { names } = open(async function* () {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    yield* pages([['late', 'file']]);
  });
  expect(await names.remote('')).toEqual({ names: [], cut: false });
  answer?.();
  expect((await names.remote('')).names).toMatchObject([{ name: 'late' }]);
});

test('a list that fails is no list, and is asked for again', async () => {
  let count = 0;
  const { names } = open(() => {
    count += 1;
    if (count === 1) throw new Error('lost');
    return pages([['a', 'file']]);
  });
  expect((await names.remote('')).names).toEqual([]);
  expect((await names.remote('')).names).toHaveLength(1);
});

test('of a folder without end only some names are looked at', async () => {
  const page = Array.from({ length: 500 }, (_, at) => [String(at), 'file'] as const);
  let given = 0;
  const { names } = open(async function* () {
    for (;;) {
      given += 1;
      yield* pages(page);
    }
  });
  const found = await names.remote('');
  expect([found.names.length, found.cut, given]).toEqual([10_000, true, 20]);
});

test('local names begin at the local folder or where the program was started; links are none', async () => {
  await mkdir(join(folder, 'mine', 'sub'), { recursive: true });
  await writeFile(join(folder, 'mine', 'a.txt'), '');
  await writeFile(join(folder, 'code.txt'), '');
  await symlink('code.txt', join(folder, 'link')).catch(() => undefined);
  const { names } = open();
  const of = async (path: string, inLocalFolder: boolean) =>
    (await names.local(path, inLocalFolder)).names.map(({ name }) => name).sort();
  expect(await of('', true)).toEqual(['a.txt', 'sub']);
  expect(await of('', false)).toEqual(['code.txt', 'mine']);
  expect(await of('../', true)).toEqual(['code.txt', 'mine']);
  expect(await of(`${folder}/mine/`, true)).toEqual(['a.txt', 'sub']);
  expect(await of('gone/', true)).toEqual([]);
});

test('servers are those that are known and those of the last scan', async () => {
  const { names } = open(undefined, [{ name: 'amber' }, { name: 'birch' }, { name: 'amber' }]);
  expect(await names.servers()).toEqual(['amber', 'birch']);
});
