import { open, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { makeFolder, openFolder } from '#sharing/storage/folder.js';
import { openInbox } from '#sharing/storage/inbox.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { openDescriptors } from '../../../support/descriptors.js';
import { failingSync } from '../../../support/failing-sync.js';
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

test.runIf(process.platform === 'linux')(
  'the name of a folder that is made is durable',
  async () => {
    const base = await temporaryFolder();
    const synced: string[] = [];
    await failingSync(base, (place) => {
      synced.push(place);
      return false;
    });
    await makeFolder(join(base, 'a', 'b'));
    expect(synced).toEqual([base, join(base, 'a')]);
    await makeFolder(join(base, 'a', 'b'));
    expect(synced).toHaveLength(2);
    const root = await openFolder(base);
    await using inbox = await openInbox(
      root,
      safeName('inbox'),
      openRoom({ keepFree: 0, maxFileSize: 1 }),
    );
    expect(synced.slice(2)).toEqual([base]);
    await inbox.mustExist();
    await root[Symbol.asyncDispose]();
  },
);
