import { matchLocal } from '#sharing/local.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import { matching } from '#sharing/storage/matches.js';
import { execFileSync } from 'node:child_process';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';
import { makeTree } from '../../../support/trees.js';

const onLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];

const tree = {
  'b.txt': '',
  'a.txt': '',
  'c.md': '',
  '.hidden.txt': '',
  'one/x.txt': '',
  'one/deep/y.txt': '',
  'two/x.txt': '',
  'two/z.txt/': '',
};

describe.each(ways)('what matches, reached by %s', (way) => {
  async function all(place: string, pattern: string): Promise<string[]> {
    const root = await openFolder(place, way);
    onTestFinished(() => root[Symbol.asyncDispose]());
    await using folders = folderCache(root);
    const found: string[] = [];
    for await (const path of matching(folders, pattern.split('/'))) found.push(path.join('/'));
    return found;
  }

  test.each([
    ['*.txt', ['a.txt', 'b.txt']],
    ['*', ['a.txt', 'b.txt', 'c.md', 'one', 'two']],
    ['*/x.txt', ['one/x.txt', 'two/x.txt']],
    ['*/*.txt', ['one/x.txt', 'two/x.txt', 'two/z.txt']],
    ['one/*', ['one/deep', 'one/x.txt']],
    ['o*/d*/y.txt', ['one/deep/y.txt']],
    ['*/deep/*', ['one/deep/y.txt']],
    ['c.md', ['c.md']],
    // A star is one name, and no path.
    ['*.txt/*', []],
    ['**/y.txt', []],
    ['x*', []],
    ['a.txt/*', []],
    ['nowhere/*', []],
    // Hidden names are never meant, and nothing leads out.
    ['.*', []],
    ['.hidden*', []],
    ['../*', []],
    ['*/../*', []],
    ['./*', []],
    ['/*', []],
    ['one/', []],
    ['', []],
  ])('%j: %j, in order', async (pattern, expected) => {
    const place = await temporaryFolder();
    await makeTree(place, tree);
    expect(await all(place, pattern)).toEqual(expected);
  });

  test.runIf(onLinux)('links, FIFOs and names that cannot be shared do not match', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'folder/x': '' });
    await symlink('folder', join(place, 'link'));
    execFileSync('mkfifo', [join(place, 'fifo')]);
    await writeFile(join(place, 'a\nb'), '');
    await writeFile(Buffer.concat([Buffer.from(`${place}/`), Buffer.of(0xff)]), '');
    expect(await all(place, '*')).toEqual(['folder']);
    // Neither does a link when its name is written out.
    expect(await all(place, 'link/*')).toEqual([]);
    expect(await all(place, 'l[i]nk/x')).toEqual([]);
  });

  test.skipIf(isRoot || !onLinux)(
    'a folder that cannot be read is no match of nothing',
    async () => {
      const place = await temporaryFolder();
      await makeTree(place, { 'closed/a': '' });
      await chmod(join(place, 'closed'), 0);
      onTestFinished(() => chmod(join(place, 'closed'), 0o700));
      await expect(all(place, 'closed/*')).rejects.toMatchObject({ code: 'EACCES' });
    },
  );

  test.runIf(onLinux)('leaves nothing open when nobody wants the rest', async () => {
    const place = await temporaryFolder();
    await makeTree(place, tree);
    const root = await openFolder(place, way);
    onTestFinished(() => root[Symbol.asyncDispose]());
    const before = openDescriptors();
    {
      await using folders = folderCache(root);
      for await (const path of matching(folders, ['*', '*'])) {
        expect(path).toHaveLength(2);
        break;
      }
    }
    expect(openDescriptors()).toBe(before);
  });
});

describe('a pattern of this machine', () => {
  test('gives paths like the one that was typed', async () => {
    const base = await temporaryFolder();
    await makeTree(base, tree);
    const one = join(base, 'one');
    expect(await matchLocal(base, '*.md')).toEqual(['c.md']);
    expect(await matchLocal(base, 'one/*.txt')).toEqual(['one/x.txt']);
    expect(await matchLocal(base, './one/*.txt')).toEqual(['./one/x.txt']);
    expect(await matchLocal(one, '../t*/x.txt')).toEqual(['../two/x.txt']);
    expect(await matchLocal('/', `${base}/*.md`)).toEqual([`${base}/c.md`]);
    expect(await matchLocal(base, '.hidden*')).toEqual([]);
  });

  test('what is no pattern gives none, whether it is there or not', async () => {
    const base = await temporaryFolder();
    await makeTree(base, tree);
    expect(await matchLocal(base, 'a.txt')).toEqual([]);
    expect(await matchLocal(base, '')).toEqual([]);
  });

  test('a folder that is not there is told', async () => {
    const base = await temporaryFolder();
    await expect(matchLocal(base, 'nowhere/*')).rejects.toMatchObject({ code: 'folder-missing' });
  });

  test('links in the way that the user typed are their own words', async () => {
    const base = await temporaryFolder();
    await makeTree(base, tree);
    await symlink('one', join(base, 'link'));
    expect(await matchLocal(base, 'link/*.txt')).toEqual(['link/x.txt']);
  });
});
