import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { openFolder, type Folder, type FolderWay } from '#sharing/storage/folder.js';
import { takenNumbers } from '#sharing/storage/naming.js';
import { safeName } from '#sharing/storage/path.js';
import { writeLoose, writeStaged, type SmallFile } from '#sharing/storage/small-file.js';
import type { Wish } from '#sharing/storage/publishing.js';
import type { Soon } from '#sharing/soon.js';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { failingSync } from '../../../support/failing-sync.js';
import { leftovers, visibleNames } from '../../../support/files.js';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];
const here: DiskPace = { run: (sync) => sync() };
const elsewhere: DiskPace = { run: (_, later) => later() };
const paces = [
  ['here', here],
  ['elsewhere', elsewhere],
] as const;

const mtime = 1_000_000_000_123_456;
const name = safeName('a.txt');
const wish: Wish = { name, mtime, policy: 'number' };
const loose = {
  name: `${'a'.repeat(32)}.1.part`,
  isOurs: () => Promise.resolve(true),
} as const;
const bytes = Buffer.from('content');

/** Into a folder that stays open. */
function stage(
  folder: Folder,
  named: Wish,
  content: Buffer,
  pace: DiskPace,
  numbers = takenNumbers(),
): Soon<SmallFile> {
  return writeStaged(folder, named, content, pace, numbers, (work) => work(folder));
}

describe.each(ways)('a small file, reached by %s', (way) => {
  async function open(): Promise<{ place: string; area: LandingArea }> {
    const place = await temporaryFolder();
    const target = await openFolder(place, way);
    onTestFinished(() => target[Symbol.asyncDispose]());
    const area = await openLandingArea(target);
    onTestFinished(() => area[Symbol.asyncDispose]());
    return { place, area };
  }

  describe.each(paces)('in a folder that nobody sees, written %s', (_, pace) => {
    test('has its name, its time and its content at once, and nothing stays open', async () => {
      const { place, area } = await open();
      const before = onLinux ? openDescriptors() : 0;
      for (const content of [bytes, Buffer.alloc(0)]) {
        const small = await stage(area.target, wish, content, pace);
        await small.sync();
        const as = await small.publish();
        expect(await readFile(join(place, as))).toEqual(content);
        expect((await stat(join(place, as))).mtimeMs).toBeCloseTo(mtime / 1000, 2);
      }
      expect(await visibleNames(place)).toEqual(['a (2).txt', 'a.txt']);
      if (onLinux) expect(openDescriptors()).toBe(before);
    });

    test('does not follow a link, nor take the place of a folder', async () => {
      const { place, area } = await open();
      await symlink('elsewhere', join(place, 'a.txt'));
      await mkdir(join(place, 'a (2).txt'));
      const small = await stage(area.target, wish, bytes, pace);
      expect(await small.publish()).toBe('a (3).txt');
      expect(await visibleNames(place)).toEqual(['a (2).txt', 'a (3).txt', 'a.txt']);
    });

    test('is not tried under all the numbers that its name got before, in other letters too', async () => {
      const { place, area } = await open();
      await writeFile(join(place, 'a.txt'), '');
      const numbers = takenNumbers();
      numbers.note(area.target.key, 'a.txt', 700);
      const small = await stage(area.target, wish, bytes, pace, numbers);
      expect(await small.publish()).toBe('a (701).txt');
      await writeFile(join(place, 'A.TXT'), '').catch(() => undefined);
      const other = await stage(
        area.target,
        { ...wish, name: safeName('A.TXT') },
        bytes,
        pace,
        numbers,
      );
      expect(await other.publish()).toBe('A (702).TXT');
      // The last number there is.
      numbers.note(area.target.key, 'a.txt', 10_000);
      const none = async () => stage(area.target, wish, bytes, pace, numbers);
      await expect(none()).rejects.toMatchObject({ code: 'write-failed' });
    });

    test('that is dropped is gone, one that is left stays; neither stays open', async () => {
      const { place, area } = await open();
      const before = onLinux ? openDescriptors() : 0;
      const one = await stage(area.target, wish, bytes, pace);
      const other = await stage(area.target, { ...wish, name: safeName('b') }, bytes, pace);
      await one.drop();
      await other.leave();
      expect(await visibleNames(place)).toEqual(['b']);
      if (onLinux) expect(openDescriptors()).toBe(before);
    });

    test('in a folder that is gone is a failure', async () => {
      const { area, place } = await open();
      await mkdir(join(place, 'x'));
      const folder = { ...area.target, at: () => Promise.resolve(join(place, 'nowhere', 'a')) };
      await expect(stage(folder, wish, bytes, pace)).rejects.toMatchObject({
        code: 'ENOENT',
      });
    });

    test.runIf(onLinux)('that cannot be written whole leaves nothing behind', async () => {
      const { place, area } = await open();
      const before = openDescriptors();
      const tooLate = { ...wish, mtime: Number.NaN };
      const writing = async () => stage(area.target, tooLate, bytes, pace);
      await expect(writing()).rejects.toThrow();
      expect(await visibleNames(place)).toEqual([]);
      expect(openDescriptors()).toBe(before);
    });
  });

  test.runIf(onLinux)('on a quick disk is synced, and waits with nothing open', async () => {
    const { place, area } = await open();
    const synced: string[] = [];
    await failingSync(place, (file) => {
      synced.push(file);
      return false;
    });
    const before = openDescriptors();
    const small = await stage(area.target, wish, bytes, here);
    expect(openDescriptors()).toBe(before);
    expect(synced).toEqual([join(place, 'a.txt')]);
    await small.sync();
    expect(await small.publish()).toBe('a.txt');
    expect(synced).toHaveLength(1);
  });

  test.runIf(onLinux)('that cannot be brought to a quick disk leaves nothing', async () => {
    const { place, area } = await open();
    const before = openDescriptors();
    await failingSync(place, () => true);
    const staging = async () => stage(area.target, wish, bytes, here);
    await expect(staging()).rejects.toMatchObject({ code: 'EIO' });
    expect(await visibleNames(place)).toEqual([]);
    expect(openDescriptors()).toBe(before);
  });

  // A process that has no descriptor left fails before it looks whether the name is taken.
  test('that could not even be made takes nobody else away', async () => {
    const { place, area } = await open();
    await writeFile(join(place, 'a.txt'), 'of another');
    const full: DiskPace = {
      run: () => Promise.reject(Object.assign(new Error('EMFILE'), { code: 'EMFILE' })),
    };
    await expect(stage(area.target, wish, bytes, full)).rejects.toMatchObject({
      code: 'EMFILE',
    });
    expect(await visibleNames(place)).toEqual(['a.txt']);
  });

  describe('in a folder that others see', () => {
    test('has no name there until it is published', async () => {
      const { place, area } = await open();
      await writeFile(join(place, 'a.txt'), 'of another');
      const small = await writeLoose(area, loose, wish, bytes);
      expect(await visibleNames(place)).toEqual(['a.txt']);
      expect(await leftovers(place)).toEqual([loose.name]);
      await small.sync();
      expect(await small.publish()).toBe('a (2).txt');
      expect(await readFile(join(place, 'a (2).txt'))).toEqual(bytes);
      expect((await stat(join(place, 'a (2).txt'))).mtimeMs).toBeCloseTo(mtime / 1000, 2);
      expect(await readFile(join(place, 'a.txt'), 'utf8')).toBe('of another');
      expect(await leftovers(place)).toEqual([]);
    });

    test('takes the place of another when that is the policy', async () => {
      const { place, area } = await open();
      await writeFile(join(place, 'a.txt'), 'of another');
      const small = await writeLoose(area, loose, { ...wish, policy: 'overwrite' }, bytes);
      expect(await small.publish()).toBe('a.txt');
      expect(await readFile(join(place, 'a.txt'))).toEqual(bytes);
      expect(await leftovers(place)).toEqual([]);
      // The other is gone: none at all would be worse.
      await small.retract();
      expect(await visibleNames(place)).toEqual(['a.txt']);
    });

    test.each(['drop', 'leave'] as const)('after %s nothing is left, nor open', async (end) => {
      const { place, area } = await open();
      const before = onLinux ? openDescriptors() : 0;
      const small = await writeLoose(area, loose, wish, bytes);
      await small[end]();
      expect(await leftovers(place)).toEqual([]);
      expect(await visibleNames(place)).toEqual([]);
      if (onLinux) expect(openDescriptors()).toBe(before);
    });

    test.runIf(onLinux)(
      'once it is closed, closes nothing that has its number by then',
      async () => {
        const { place, area } = await open();
        const small = await writeLoose(area, loose, wish, bytes);
        await small.publish();
        // The lowest free number is given again.
        const file = openSync(join(place, 'other'), 'w');
        for (const end of ['leave', 'drop'] as const) await small[end]();
        expect(writeSync(file, 'another')).toBe(7);
        closeSync(file);
      },
    );

    test('is published in its folder, though that was closed meanwhile', async () => {
      const { place, area } = await open();
      const target = await openFolder(place, way);
      const small = await writeLoose({ ...area, target }, loose, wish, bytes, (work) =>
        work(area.target),
      );
      await target[Symbol.asyncDispose]();
      expect(await small.publish()).toBe('a.txt');
      await small.retract();
      expect(await visibleNames(place)).toEqual([]);
    });

    test('whose partial was replaced is not published, and can be dropped', async () => {
      const { place, area } = await open();
      const before = onLinux ? openDescriptors() : 0;
      const small = await writeLoose(area, loose, wish, bytes);
      const [partial = ''] = await leftovers(place);
      await writeFile(join(place, 'other'), 'x');
      await rename(join(place, 'other'), join(place, '.lanpost', partial));
      await expect(small.publish()).rejects.toMatchObject({ code: 'write-failed' });
      await small.drop();
      expect(await readdir(place)).toEqual(['.lanpost']);
      if (onLinux) expect(openDescriptors()).toBe(before);
    });
  });
});
