import { openFolder } from '#sharing/storage/folder.js';
import { passingNames } from '#sharing/storage/token.js';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

test('a hold that somebody took away is missed within a tenth of a second, and another taken', async () => {
  const place = await temporaryFolder();
  await using folder = await openFolder(place);
  let now = 0;
  await using names = passingNames(folder, () => now);
  const first = await names.next();
  const [lock = ''] = await readdir(place);
  expect(lock).toMatch(/\.lock$/);
  expect(await first.isOurs()).toBe(true);
  await unlink(join(place, lock));
  now += 100;
  expect(await first.isOurs()).toBe(false);
  const second = await names.next();
  expect(second.name.slice(0, 32)).not.toBe(first.name.slice(0, 32));
  expect(await second.isOurs()).toBe(true);
});
