import { holdWithin, isHeld, lock } from '#sharing/storage/lock.js';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { failCalls } from '../../../support/failing-calls.js';
import { temporaryFolder } from '../../../support/temporary.js';

vi.mock('node:fs/promises', async (original) => {
  const { withFailures } = await import('../../../support/failing-calls.js');
  return withFailures(await original());
});

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

  test('without links is one too, whatever the system calls that', async () => {
    for (const code of ['EPERM', 'ENOTSUP', 'EISDIR']) {
      failCalls((call) => (call === 'link' ? code : undefined));
      const folder = await temporaryFolder();
      const place = join(folder, 'lock');
      {
        await using held = await lock(place);
        expect(await held.isOurs()).toBe(true);
        expect(await holdWithin(place, 0)).toBeUndefined();
      }
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test.runIf(onLinux).each([undefined, 'EISDIR'])(
    'that came in the place of a dead one is put back: %s',
    async (code) => {
      const folder = await temporaryFolder();
      const [place, other] = [join(folder, 'lock'), join(folder, 'other')];
      await using _other = await lock(other);
      const live = await readFile(other, 'utf8');
      await writeFile(place, live.replace(/^[0-9]+/, '4194303'));
      failCalls((call, at) => {
        if (call === 'link') return code;
        // Its text was read, and nothing else yet.
        if (call === 'stat' && at === place) writeFileSync(place, live);
        return undefined;
      });
      expect(await holdWithin(place, 0)).toBeUndefined();
      expect(await readFile(place, 'utf8')).toBe(live);
      expect((await readdir(folder)).sort()).toEqual(['lock', 'other']);
    },
  );

  test.runIf(onLinux)('tells who holds it, though that could not be read before', async () => {
    vi.resetModules();
    const fresh = await import('#sharing/storage/lock.js');
    const place = join(await temporaryFolder(), 'lock');
    failCalls((call, at) =>
      call === 'readFile' && at.startsWith('/proc/') ? 'EMFILE' : undefined,
    );
    await expect(fresh.lock(place)).rejects.toMatchObject({ code: 'EMFILE' });
    failCalls(() => undefined);
    await using _held = await fresh.lock(place);
    expect(await readFile(place, 'utf8')).toMatch(/^[0-9]+ [0-9]+ [^ /]+\/[0-9a-f-]{36}\//);
  });
});
