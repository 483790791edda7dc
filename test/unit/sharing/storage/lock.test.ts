import { holdWithin, isHeld, lock } from '#sharing/storage/lock.js';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';

describe('a lock', () => {
  test('is held by one at a time, in this process too, and leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    const place = join(folder, 'lock');
    {
      await using held = await lock(place);
      expect(await held.isOurs()).toBe(true);
      expect(await isHeld(place)).toBe(true);
      expect(await holdWithin(place, 0)).toBeUndefined();
    }
    expect(await isHeld(place)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  test('that somebody took away is not ours, and not given back with theirs', async () => {
    const place = join(await temporaryFolder(), 'lock');
    const first = await lock(place);
    await rm(place);
    await using second = await lock(place);
    expect(await first.isOurs()).toBe(false);
    await first[Symbol.asyncDispose]();
    expect(await second.isOurs()).toBe(true);
  });

  test.runIf(onLinux)('of before this machine was started again holds nobody up', async () => {
    const place = join(await temporaryFolder(), 'lock');
    const own = await lock(place);
    const text = await readFile(place, 'utf8');
    await own[Symbol.asyncDispose]();
    await writeFile(place, text.replace(/\/[0-9a-f-]+\//, '/an-earlier-start/'));
    await using held = await holdWithin(place, 0);
    expect(held).toBeDefined();
  });

  test.runIf(onLinux)('of a process that is gone holds nobody up', async () => {
    const place = join(await temporaryFolder(), 'lock');
    const own = await lock(place);
    const [, ...rest] = (await readFile(place, 'utf8')).split(' ');
    await own[Symbol.asyncDispose]();
    await writeFile(place, ['4194303', ...rest].join(' '));
    await using held = await holdWithin(place, 0);
    expect(held).toBeDefined();
  });

  test.runIf(onLinux)(
    'of a process that cannot be asked about counts, until it is old',
    async () => {
      const place = join(await temporaryFolder(), 'lock');
      await writeFile(place, '4194303 1 elsewhere/start/pid:[1] 0123456789ab');
      expect(await holdWithin(place, 0)).toBeUndefined();
      const longAgo = Date.now() / 1000 - 2 * 24 * 60 * 60;
      await utimes(place, longAgo, longAgo);
      await using held = await holdWithin(place, 0);
      expect(held).toBeDefined();
    },
  );
});
