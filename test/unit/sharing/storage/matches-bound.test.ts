import { folderCache } from '#sharing/storage/folder-cache.js';
import { openFolder } from '#sharing/storage/folder.js';
import { matching } from '#sharing/storage/matches.js';
import { maxListed } from '#sharing/storage/share.js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

const folder = vi.hoisted(() => ({ names: 0, type: 'file', page: 200 }));

vi.mock('#sharing/storage/entries.js', () => ({
  async *entriesIn() {
    for (let n = 0; n < folder.names; n += folder.page) {
      const page = Array.from({ length: folder.page }, (_, i) => ({
        name: `file-${n + i}`,
        type: folder.type,
      }));
      yield await Promise.resolve(page);
    }
  },
}));

async function count(pattern: string): Promise<number> {
  const root = await openFolder(await temporaryFolder());
  onTestFinished(() => root[Symbol.asyncDispose]());
  await using folders = folderCache(root);
  let found = 0;
  for await (const path of matching(folders, [pattern])) found += path.length;
  return found;
}

test.each([
  ['as many as a list may have', 'file', maxListed, '*', maxListed],
  ['twice as many, which do not match', 'file', 2 * maxListed, 'x*', 0],
])('a folder with %s is searched', async (_, type, names, pattern, expected) => {
  Object.assign(folder, { type, names });
  expect(await count(pattern)).toBe(expected);
});

test.each([
  ['that match', 'file', maxListed + 1, '*'],
  ['that do not', 'file', 2 * maxListed + 1, 'x*'],
  ['that are no files', 'link', 2 * maxListed + 1, '*'],
])('one with more names %s is too long', async (_, type, names, pattern) => {
  Object.assign(folder, { type, names });
  await expect(count(pattern)).rejects.toMatchObject({ code: 'list-too-long' });
});
