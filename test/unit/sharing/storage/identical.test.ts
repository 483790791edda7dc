import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestOf } from '#sharing/storage/digest.js';
import { openFolder } from '#sharing/storage/folder.js';
import { lookAlikes, openComparison } from '#sharing/storage/identical.js';
import { safeName } from '#sharing/storage/path.js';
import { temporaryFolder } from '../../../support/temporary.js';

const wanted = Buffer.from('wanted');
const other = Buffer.from('others');

/** Under which name a file with the wanted bytes is found to be `plan.txt`, where these files are. */
async function sameAs(files: Readonly<Record<string, Buffer>>, withSiblings = true) {
  const place = join(await temporaryFolder(), 'in');
  await mkdir(place);
  let second = 1_700_000_000;
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(place, name), bytes);
    second += 1;
    await utimes(join(place, name), second, second);
  }
  await using folder = await openFolder(place);
  const name = safeName('plan.txt');
  const names = await lookAlikes(folder, name, wanted.length, withSiblings);
  await using comparison = await openComparison(folder, names, wanted.length, 'sha256');
  if (comparison.hopeful()) await comparison.compare(digestOf('sha256', wanted));
  return (await comparison.same())?.as;
}

test.each([
  ['the name itself', { 'plan.txt': wanted }, 'plan.txt'],
  ['a numbered one', { 'plan.txt': other, 'plan (2).txt': wanted }, 'plan (2).txt'],
  ['one behind a gap', { 'plan.txt': other, 'plan (5).txt': wanted }, 'plan (5).txt'],
  [
    'of several the newest',
    { 'plan (3).txt': wanted, 'plan.txt': wanted, 'plan (2).txt': wanted },
    'plan (2).txt',
  ],
  ['one behind a gap too wide', { 'plan.txt': other, 'plan (6).txt': wanted }, undefined],
  [
    'a name that only looks like it',
    { 'plan.txt': other, 'plan (02).txt': wanted, 'plan (x).txt': wanted },
    undefined,
  ],
  ['a numbered one where the name itself is free', { 'plan (2).txt': wanted }, undefined],
  ['another size', { 'plan.txt': Buffer.from('wanted!') }, undefined],
])('%s', async (_, files, expected) => {
  expect(await sameAs(files as unknown as Record<string, Buffer>)).toBe(expected);
});

test('where a name stands for one file only, its siblings do not count', async () => {
  expect(await sameAs({ 'plan.txt': other, 'plan (2).txt': wanted }, false)).toBeUndefined();
});
