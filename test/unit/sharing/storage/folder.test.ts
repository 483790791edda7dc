import fs from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { makeFolder, openChild, openFolder } from '#sharing/storage/folder.js';
import { openInbox } from '#sharing/storage/inbox.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { failingSync } from '../../../support/failing-sync.js';
import { temporaryFolder } from '../../../support/temporary.js';

afterEach(() => {
  vi.restoreAllMocks();
});

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

test('a folder that is not ours is opened off this thread: a mount there may never answer', async () => {
  const place = await temporaryFolder();
  await mkdir(join(place, 'below'));
  await using folder = await openFolder(place);
  const open = vi.spyOn(fs, 'openSync');
  const look = vi.spyOn(fs, 'fstatSync');
  syncBuiltinESMExports();
  onTestFinished(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });
  await using below = await openChild(folder, safeName('below'));
  expect(below.path).toBe(join(place, 'below'));
  expect(open).not.toHaveBeenCalled();
  expect(look).not.toHaveBeenCalled();
});
