import {
  folderCache,
  type FolderCache,
  type Lease,
  type Path,
} from '#sharing/storage/folder-cache.js';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import { safePath } from '#sharing/storage/path.js';
import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];
/** Folders that stay open without being used. */
const maxIdle = 32;

describe.each(ways)('a cache of folders, reached by %s', (way) => {
  async function open(): Promise<{ place: string; folders: FolderCache }> {
    const place = await temporaryFolder();
    const root = await openFolder(place, way);
    onTestFinished(() => root[Symbol.asyncDispose]());
    const folders = folderCache(root);
    onTestFinished(() => folders[Symbol.asyncDispose]());
    return { place, folders };
  }

  const path = (text: string): Path => safePath(text);
  const namesIn = async ({ folder }: Lease) => (await readdir(await folder.self())).sort();

  test('reaches what lies below, and the root itself', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a', 'b'), { recursive: true });
    await writeFile(join(place, 'a', 'b', 'file'), '');
    const [root, below] = [await folders.take([]), await folders.take(path('a/b'))];
    expect(await namesIn(root)).toEqual(['a']);
    expect(await namesIn(below)).toEqual(['file']);
    // The root is its owner's.
    root.release();
    await folders[Symbol.asyncDispose]();
    expect(await namesIn(root)).toEqual(['a']);
  });

  test('opens a folder once for all who use it at a time', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a', 'b'), { recursive: true });
    const leases = await Promise.all([1, 2, 3].map(async () => folders.take(path('a/b'))));
    expect(new Set(leases.map(({ folder }) => folder)).size).toBe(1);
    for (const lease of leases) lease.release();
    const again = await folders.take(path('a/b'));
    expect(again.folder).toBe(leases[0]?.folder);
    again.release();
  });

  test('follows no link, and takes no file for a folder', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a'));
    await symlink('a', join(place, 'link'));
    await writeFile(join(place, 'file'), '');
    for (const name of ['link', 'file', 'link/x']) {
      await expect(folders.take(path(name))).rejects.toThrow();
    }
  });

  test('what was not there may be there the next time, below it too', async () => {
    const { place, folders } = await open();
    const tries = await Promise.allSettled([folders.take(path('a/b')), folders.take(path('a/b'))]);
    expect(tries.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await mkdir(join(place, 'a', 'b'), { recursive: true });
    (await folders.take(path('a/b'))).release();
  });

  test('work in a folder is done at once where it is open, and keeps it open as long', async () => {
    const { place, folders } = await open();
    const where = path('a');
    await mkdir(join(place, 'a'));
    const others = Array.from({ length: maxIdle + 20 }, (_, at) => path(`other${at}`));
    for (const other of others) await mkdir(join(place, other.join('/')));
    const useOthers = async (): Promise<void> => {
      for (const other of others) await folders.use(other, () => undefined);
    };
    const first = await folders.use(where, ({ key }) => key);
    expect(folders.use(where, ({ key }) => key)).toBe(first);
    expect(() =>
      folders.use(where, () => {
        throw new Error('of the work');
      }),
    ).toThrow('of the work');
    // It is in use while others come and go.
    await folders.use(where, async (folder) => {
      await useOthers();
      await writeFile(await folder.at(where[0]!), '');
    });
    await useOthers();
    // It was closed by now, and is opened again for the same path.
    const again = folders.use(where, async (folder) => readdir(await folder.self()));
    expect(again).toBeInstanceOf(Promise);
    expect(await again).toEqual(['a']);
    expect(await folders.use([], async (root) => readdir(await root.self()))).toContain('a');
  });

  test.runIf(onLinux)('keeps no more open than it promises, and nothing at the end', async () => {
    const { place, folders } = await open();
    const before = openDescriptors();
    for (let at = 0; at < maxIdle + 20; at += 1) {
      await mkdir(join(place, `${at}`, 'below'), { recursive: true });
      (await folders.take(path(`${at}/below`))).release();
      // One that is being closed is still counted for a moment.
      await untilAtMost(before + maxIdle);
    }
    await folders[Symbol.asyncDispose]();
    expect(openDescriptors()).toBe(before);
  });

  test.runIf(onLinux)(
    'closes the one that was used longest ago, and none that is used',
    async () => {
      const { place, folders } = await open();
      const names = Array.from({ length: maxIdle + 2 }, (_, at) => `${at}`);
      for (const name of names) await mkdir(join(place, name));
      const used = await folders.take(path('0'));
      const first = await folders.take(path('1'));
      first.release();
      const second = await folders.take(path('2'));
      second.release();
      // Used again, so another goes first.
      (await folders.take(path('1'))).release();
      for (const name of names.slice(3)) (await folders.take(path(name))).release();
      expect(await namesIn(used)).toEqual([]);
      const again = await folders.take(path('1'));
      expect(again.folder).toBe(first.folder);
      again.release();
      await mkdir(join(place, 'one more'));
      (await folders.take(path('one more'))).release();
      const other = await folders.take(path('2'));
      expect(other.folder).not.toBe(second.folder);
      other.release();
      used.release();
    },
  );

  test.runIf(onLinux)('a lease that is released twice counts once', async () => {
    const { place, folders } = await open();
    for (let at = 0; at <= maxIdle + 1; at += 1) await mkdir(join(place, `${at}`));
    const [one, other] = [await folders.take(path('0')), await folders.take(path('0'))];
    one.release();
    one.release();
    for (let at = 1; at <= maxIdle + 1; at += 1) (await folders.take(path(`${at}`))).release();
    expect(await namesIn(other)).toEqual([]);
    other.release();
  });

  test.runIf(onLinux)('failures leave nothing open', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a'));
    await writeFile(join(place, 'a', 'file'), '');
    const before = openDescriptors();
    for (let at = 0; at < 5; at += 1) {
      await Promise.allSettled(
        ['a/file', 'a/x/y', 'b'].map(async (name) => folders.take(path(name))),
      );
    }
    await folders[Symbol.asyncDispose]();
    expect(openDescriptors()).toBe(before);
  });

  test.runIf(onLinux)('what is being opened when it ends is closed too', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a', 'b', 'c'), { recursive: true });
    const before = openDescriptors();
    const taking = Promise.resolve(folders.take(path('a/b/c'))).catch(() => undefined);
    await folders[Symbol.asyncDispose]();
    await taking;
    expect(openDescriptors()).toBe(before);
  });

  test('a folder that was swapped for another does not lead there', async () => {
    const { place, folders } = await open();
    await mkdir(join(place, 'a'));
    await mkdir(join(place, 'other'));
    await writeFile(join(place, 'other', 'secret'), '');
    const lease = await folders.take(path('a'));
    await rename(join(place, 'a'), join(place, 'moved'));
    await symlink('other', join(place, 'a'));
    if (way === 'handle') expect(await namesIn(lease)).toEqual([]);
    else await expect(namesIn(lease)).rejects.toMatchObject({ code: 'folder-gone' });
    lease.release();
  });
});

async function untilAtMost(count: number): Promise<void> {
  await expect.poll(openDescriptors, { interval: 1 }).toBeLessThanOrEqual(count);
}
