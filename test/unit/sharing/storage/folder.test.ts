import { open, type FileHandle } from 'node:fs/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { openFolder } from '#sharing/storage/folder.js';
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
    await expect(openFolder(place)).rejects.toMatchObject({ code: 'EIO' });
    expect(openDescriptors()).toBe(before);
  },
);
