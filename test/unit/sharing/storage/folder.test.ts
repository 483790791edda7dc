import { open, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { makeFolder, openFolder } from '#sharing/storage/folder.js';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';

afterEach(() => {
  vi.restoreAllMocks();
});

test.runIf(process.platform === 'linux')(
  'a folder that opens and cannot be looked at is closed again',
  async () => {
    const place = await temporaryFolder();
    const some = await open(place);
    const prototype = Object.getPrototypeOf(some) as FileHandle;
    await some.close();
    const before = openDescriptors();
    vi.spyOn(prototype, 'stat').mockRejectedValue(Object.assign(new Error('EIO'), { code: 'EIO' }));
    await expect(openFolder(place)).rejects.toMatchObject({
      code: 'read-failed',
      message: 'EIO',
    });
    expect(openDescriptors()).toBe(before);
  },
);

test('a folder is made with those above it, once', async () => {
  const place = join(await temporaryFolder(), 'a', 'b', 'c');
  await makeFolder(place);
  await makeFolder(place);
  expect((await stat(place)).isDirectory()).toBe(true);
  await writeFile(join(place, 'file'), '');
  await expect(makeFolder(join(place, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(place, 'file', 'below'))).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
});

test.runIf(process.platform === 'linux')('where the system makes none, that is said', async () => {
  await expect(makeFolder('/proc/lanpost/in')).rejects.toMatchObject({ code: 'ENOENT' });
});
