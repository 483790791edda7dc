import { openFolder } from '#sharing/storage/folder.js';
import { leftovers } from '#sharing/storage/leftovers.js';
import { safeName } from '#sharing/storage/path.js';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

test('what came at an earlier time is cleared away, and nothing that was claimed', async () => {
  const place = await temporaryFolder();
  await using folder = await openFolder(place);
  await mkdir(join(place, 'old folder', 'x'), { recursive: true });
  for (const name of ['old', 'new']) await writeFile(join(place, name), name);
  const left = leftovers();
  expect(await left.find(folder, safeName('old'))).toMatchObject({ size: 3, isFolder: false });
  expect(await left.find(folder, safeName('nothing'))).toBeUndefined();
  await left.claim(folder, safeName('new'));
  expect(await left.find(folder, safeName('new'))).toBeUndefined();
  await left.clear(folder);
  expect(await readdir(place)).toEqual(['new']);
});

test('what is not there cannot be claimed', async () => {
  await using folder = await openFolder(await temporaryFolder());
  const claim = leftovers().claim(folder, safeName('gone'));
  await expect(claim).rejects.toMatchObject({ code: 'write-failed' });
});
