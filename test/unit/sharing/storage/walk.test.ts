import { SharingError } from '#sharing/errors.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import { maxDepth, ownName, safeName } from '#sharing/storage/path.js';
import { walk, type Found, type Left, type Top } from '#sharing/storage/walk.js';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';
import { makeTree } from '../../../support/trees.js';

const onLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];
const here: DiskPace = { run: (sync) => sync() };
const elsewhere: DiskPace = { run: (_, later) => later() };

describe.each(ways)('a walk, reached by %s', (way) => {
  async function topOf(place: string, own = 'photos', name = own): Promise<Top> {
    const root = await openFolder(place, way);
    onTestFinished(() => root[Symbol.asyncDispose]());
    const folders = folderCache(root);
    onTestFinished(() => folders[Symbol.asyncDispose]());
    return { name: safeName(name), folders, at: [ownName(own)] };
  }

  async function all(top: Top, pace = here): Promise<{ found: Found[]; left: Left }> {
    const [found, left]: [Found[], Left] = [[], { links: 0, hidden: 0 }];
    for await (const some of walk(top, () => pace, left)) found.push(...some);
    return { found, left };
  }

  test('a top that cannot be read is not told of at all', async () => {
    const place = await temporaryFolder();
    await makeTree(join(place, 'photos'), { 'a.jpg': 'one' });
    const top = await topOf(place);
    const folders: Top['folders'] = {
      ...top.folders,
      take(path) {
        if (path.length === 1) throw new SharingError('no-permission', 'EACCES');
        return top.folders.take(path);
      },
    };
    await expect(all({ ...top, folders })).rejects.toMatchObject({ code: 'no-permission' });
  });

  const told = (found: readonly Found[]) =>
    found.map((one) =>
      one.kind === 'problem' ? `${one.path}: ${one.error.code}` : `${one.kind} ${one.path}`,
    );

  test.each([
    ['here', here],
    ['elsewhere', elsewhere],
  ])(
    'tells a folder before what lies in it, and each once; the disk is asked %s',
    async (_, pace) => {
      const place = await temporaryFolder();
      await makeTree(join(place, 'photos'), {
        'a.jpg': 'one',
        'deep/b.jpg': 'two',
        'deep/deeper/c.jpg': '',
        'empty/': '',
      });
      const { found, left } = await all(await topOf(place), pace);
      expect(told(found).sort()).toEqual([
        'file photos/a.jpg',
        'file photos/deep/b.jpg',
        'file photos/deep/deeper/c.jpg',
        'folder photos',
        'folder photos/deep',
        'folder photos/deep/deeper',
        'folder photos/empty',
      ]);
      // Folder order: the parent of each is the folder that came last of those that are not left yet.
      let open: string[] = [];
      for (const { kind, path } of found) {
        const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        while (open.length > 0 && open.at(-1) !== parent) open = open.slice(0, -1);
        expect(open.at(-1) ?? '').toBe(parent);
        if (kind === 'folder') open.push(path);
      }
      expect(left).toEqual({ links: 0, hidden: 0 });
    },
  );

  test('tells sizes and times in microseconds, of folders too', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'photos/a.jpg': 'one' });
    await utimes(join(place, 'photos/a.jpg'), 1_000_000_000.5, 1_000_000_000.5);
    await utimes(join(place, 'photos'), 1_000_000_001, 1_000_000_001);
    const { found } = await all(await topOf(place));
    expect(found).toMatchObject([
      { kind: 'folder', isTop: true, mtime: 1_000_000_001_000_000 },
      { kind: 'file', name: 'a.jpg', mtime: 1_000_000_000_500_000, size: 3 },
    ]);
  });

  test('a top may be a file, and have another name than here', async () => {
    const place = await temporaryFolder();
    await writeFile(join(place, 'C:\\notes'), 'text');
    const { found } = await all(await topOf(place, 'C:\\notes', 'notes.txt'));
    expect(found).toMatchObject([{ kind: 'file', path: 'notes.txt', name: 'C:\\notes' }]);
  });

  test.each<[string, string, (path: string) => Promise<unknown>]>([
    ['is not there', 'not-found', () => Promise.resolve()],
    ['is a link', 'not-a-file', (path) => symlink('/etc', path)],
  ])('a top that %s is no walk', async (_, code, make) => {
    const place = await temporaryFolder();
    await make(join(place, 'photos'));
    await expect(all(await topOf(place))).rejects.toMatchObject({ code });
  });

  test.runIf(onLinux)(
    'links, devices and hidden names are left out and counted; others below it still come',
    async () => {
      const place = await temporaryFolder();
      await makeTree(place, { 'photos/a.jpg': '', 'photos/.git/config': '', 'photos/deep/.x': '' });
      await symlink('a.jpg', join(place, 'photos', 'link'));
      await symlink('..', join(place, 'photos', 'deep', 'up'));
      await symlink('nowhere', join(place, 'photos', '.hidden link'));
      execFileSync('mkfifo', [join(place, 'photos', 'fifo')]);
      const { found, left } = await all(await topOf(place));
      expect(told(found).sort()).toEqual([
        'file photos/a.jpg',
        'folder photos',
        'folder photos/deep',
      ]);
      expect(left).toEqual({ links: 3, hidden: 3 });
    },
  );

  test.runIf(onLinux)(
    'names that cannot be shared are a problem of their folder, and count together',
    async () => {
      const place = await temporaryFolder();
      await makeTree(place, { 'photos/a.jpg': '', 'photos/deep/b': '' });
      await writeFile(join(place, 'photos', 'a\u001b[2J'), '');
      await mkdir(join(place, 'photos', 'x'.repeat(245)));
      await writeFile(Buffer.concat([Buffer.from(`${place}/photos/`), Buffer.of(0xe4)]), '');
      const { found } = await all(await topOf(place));
      expect(told(found).sort()).toEqual([
        'file photos/a.jpg',
        'file photos/deep/b',
        'folder photos',
        'folder photos/deep',
        'photos: name-refused',
      ]);
      const problem = found.find(({ kind }) => kind === 'problem');
      expect(problem).toMatchObject({ error: { message: '3 of its names cannot be shared' } });
    },
  );

  test('32 names are deep enough; what lies deeper is a problem of the last folder', async () => {
    const place = await temporaryFolder();
    const names = ['photos', ...Array<string>(maxDepth - 2).fill('d')];
    await mkdir(join(place, ...names), { recursive: true });
    await writeFile(join(place, ...names, 'file'), '');
    const deepest = names.join('/');
    const before = await all(await topOf(place));
    expect(told(before.found).at(-1)).toBe(`file ${deepest}/file`);
    await mkdir(join(place, ...names, 'folder', 'below'), { recursive: true });
    await writeFile(join(place, ...names, 'folder', 'file'), '');
    const { found } = await all(await topOf(place));
    const folder = `${deepest}/folder`;
    expect(told(found).slice(-2)).toEqual([`folder ${folder}`, `${folder}: name-refused`]);
    expect(found.at(-1)).toMatchObject({ error: { message: '2 of its names cannot be shared' } });
  });

  test.skipIf(isRoot || !onLinux)(
    'a folder that cannot be read is a problem, and the rest comes',
    async () => {
      const place = await temporaryFolder();
      await makeTree(place, { 'photos/closed/a': '', 'photos/open/b': '' });
      await chmod(join(place, 'photos/closed'), 0);
      onTestFinished(() => chmod(join(place, 'photos/closed'), 0o700));
      const { found } = await all(await topOf(place));
      expect(told(found)).toContain('photos/closed: no-permission');
      expect(told(found)).toContain('file photos/open/b');
    },
  );

  test('what vanishes between the list and the look is not there', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'photos/a': '', 'photos/b': '', 'photos/deep/c': '' });
    let looks = 0;
    const meanwhile: DiskPace = {
      run(sync, later) {
        looks += 1;
        // The first looks are those at the top and at its folder and the names in it; then comes the first file.
        if (looks === 4) {
          for (const gone of ['photos/a', 'photos/b', 'photos/deep']) {
            rmSync(join(place, gone), { recursive: true });
          }
        }
        return looks % 2 === 0 ? later() : sync();
      },
    };
    const { found } = await all(await topOf(place), meanwhile);
    expect(looks).toBeGreaterThan(4);
    expect(told(found).filter((one) => one.startsWith('file'))).toEqual([]);
    expect(told(found).filter((one) => one.startsWith('folder'))).toEqual(['folder photos']);
    expect(found.filter(({ kind }) => kind === 'problem')).toEqual([]);
  });

  test('a folder that becomes a link is not walked through', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'photos/deep/a': '', 'secret/key': '' });
    const found: Found[] = [];
    for await (const some of walk(await topOf(place), () => here, { links: 0, hidden: 0 })) {
      found.push(...some);
      if (!some.some(({ kind, path }) => kind === 'folder' && path.endsWith('deep'))) continue;
      await rename(join(place, 'photos/deep'), join(place, 'photos/moved'));
      await symlink('../secret', join(place, 'photos/deep'));
    }
    expect(told(found).some((one) => one.includes('key'))).toBe(false);
    expect(found.at(-1)).toMatchObject({ kind: 'problem', path: 'photos/deep' });
  });

  test('a look that fails ends its folder and not the walk', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'photos/a': '', 'photos/deep/b': '' });
    let looks = 0;
    const failing: DiskPace = {
      run: (sync) => {
        looks += 1;
        // The first is that of the top itself, the second reads the names, the third looks at `a`.
        if (looks === 3) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return sync();
      },
    };
    const { found } = await all(await topOf(place), failing);
    expect(found.find(({ kind }) => kind === 'problem')).toMatchObject({
      path: 'photos',
      error: { code: 'read-failed' },
    });
    expect(
      (found.find(({ kind }) => kind === 'problem') as { error: unknown }).error,
    ).toBeInstanceOf(SharingError);
  });

  test.runIf(onLinux)('that is left in the middle leaves nothing open', async () => {
    const place = await temporaryFolder();
    await makeTree(place, { 'photos/deep/deeper/a': '', 'photos/b': '' });
    const top = await topOf(place);
    const before = openDescriptors();
    for await (const some of walk(top, () => here, { links: 0, hidden: 0 })) {
      if (some.some(({ path }) => path.endsWith('/a'))) break;
    }
    await top.folders[Symbol.asyncDispose]();
    expect(openDescriptors()).toBe(before);
  });
});
