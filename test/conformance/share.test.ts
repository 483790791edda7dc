import { execFileSync } from 'node:child_process';
import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import { safePath } from '#sharing/storage/path.js';
import { shareOf, type Entry, type Share } from '#sharing/storage/share.js';
import { temporaryFolder } from '../support/temporary.js';

const ways: FolderWay[] = process.platform === 'linux' ? ['handle', 'compare'] : ['compare'];
const posix = process.platform !== 'win32';

describe.each(ways)('a share, reached by %s', (way) => {
  async function open(): Promise<{ base: string; place: string; share: Share }> {
    const base = await temporaryFolder();
    const place = join(base, 'share');
    await mkdir(place);
    const share = shareOf(await openFolder(place, way), Buffer.from('key'));
    onTestFinished(() => share[Symbol.asyncDispose]());
    return { base, place, share };
  }

  async function listAll(share: Share, path = ''): Promise<Entry[]> {
    const all: Entry[] = [];
    for await (const page of share.list(safePath(path))) all.push(...page.entries);
    return all;
  }

  const names = (entries: readonly Entry[]) => entries.map(({ name }) => name);

  async function readAll(share: Share, path: string): Promise<string> {
    await using source = await share.open(safePath(path));
    const bytes = Buffer.alloc(source.size);
    await source.read(bytes, 0);
    return bytes.toString();
  }

  test('lists files and folders by name, with size and time, nested too', async () => {
    const { place, share } = await open();
    await writeFile(join(place, 'b.txt'), 'hello');
    await utimes(join(place, 'b.txt'), 1_600_000_000, 1_600_000_000);
    await mkdir(join(place, 'a', 'deep'), { recursive: true });
    await writeFile(join(place, 'a', 'deep', 'x'), 'y');
    expect(await listAll(share)).toMatchObject([
      { name: 'a', type: 'folder', size: 0 },
      { name: 'b.txt', type: 'file', size: 5, mtime: 1_600_000_000_000_000 },
    ]);
    expect(names(await listAll(share, 'a/deep'))).toEqual(['x']);
    expect(await readAll(share, 'a/deep/x')).toBe('y');
  });

  test('a folder of many names comes in pages', async () => {
    const { place, share } = await open();
    for (let n = 0; n < 1100; n += 1) await writeFile(join(place, `f${n}`), '');
    const pages: number[] = [];
    for await (const page of share.list(safePath(''))) pages.push(page.entries.length);
    expect(pages).toEqual([500, 500, 100]);
  });

  test.runIf(posix)(
    'names that cannot be shared are counted, not those that are hidden',
    async () => {
      const { place, share } = await open();
      await mkdir(join(place, 'back\\slash'));
      for (const name of ['two\nlines', '.hidden', 'good']) await writeFile(join(place, name), '');
      const counts: number[] = [];
      for await (const { unshared } of share.list(safePath(''))) counts.push(unshared);
      expect(counts).toEqual([0, 2]);
      expect(names(await listAll(share))).toEqual(['good']);
    },
  );

  test.runIf(posix)(
    'what is no file, no folder, or hidden is neither listed nor opened',
    async () => {
      const { base, place, share } = await open();
      await writeFile(join(base, 'secret'), 'secret');
      await mkdir(join(base, 'outside'));
      await writeFile(join(base, 'outside', 'x'), 'secret');
      await symlink('../secret', join(place, 'link'));
      await symlink('../outside', join(place, 'way out'));
      await writeFile(join(place, '.hidden'), 'hidden');
      await writeFile(join(place, 'good'), 'good');
      await symlink('good', join(place, 'inner link'));
      execFileSync('mkfifo', [join(place, 'fifo')]);
      const socket = createServer().listen(join(place, 'socket'));
      onTestFinished(() => void socket.close());
      expect(names(await listAll(share))).toEqual(['good']);
      for (const name of ['link', 'inner link', 'fifo', 'socket']) {
        await expect(share.open(safePath(name))).rejects.toMatchObject({ code: 'not-a-file' });
      }
      await expect(share.open(safePath('way out/x'))).rejects.toMatchObject({
        code: 'not-a-folder',
      });
      await expect(listAll(share, 'way out')).rejects.toMatchObject({ code: 'not-a-folder' });
    },
  );

  test('says what is wrong with what was asked for', async () => {
    const { place, share } = await open();
    await mkdir(join(place, 'folder'));
    await writeFile(join(place, 'file'), '');
    const code = (path: string) =>
      share.open(safePath(path)).then(
        () => 'fine',
        (error: unknown) => (error as { code: string }).code,
      );
    expect(await code('nothing')).toBe('not-found');
    expect(await code('nothing/at/all')).toBe('not-found');
    expect(await code('folder')).toBe('is-folder');
    expect(await code('')).toBe('is-folder');
    expect(await code('file/x')).toBe('not-a-folder');
    await expect(listAll(share, 'file')).rejects.toMatchObject({ code: 'not-a-folder' });
    await expect(listAll(share, 'nothing')).rejects.toMatchObject({ code: 'not-found' });
  });

  test.runIf(posix && process.getuid?.() !== 0)('no permission is said', async () => {
    const { place, share } = await open();
    await writeFile(join(place, 'file'), '', { mode: 0 });
    await expect(share.open(safePath('file'))).rejects.toMatchObject({ code: 'no-permission' });
  });

  test.runIf(process.platform === 'linux')('a name that is not UTF-8 is left out', async () => {
    const { place, share } = await open();
    await writeFile(Buffer.concat([Buffer.from(`${place}/`), Buffer.from([0x61, 0xff])]), '');
    await writeFile(join(place, 'b'), '');
    expect(names(await listAll(share))).toEqual(['b']);
  });

  test('a source that changes is noticed: grown, cut, rewritten, its time set back', async () => {
    const { place, share } = await open();
    const file = join(place, 'file');
    const changes: (() => Promise<void>)[] = [
      () => appendFile(file, 'x'),
      () => truncate(file, 1),
      () => writeFile(file, 'HELLO'),
      () => utimes(file, 1, 1),
    ];
    for (const change of changes) {
      await writeFile(file, 'hello');
      await utimes(file, 1_600_000_000, 1_600_000_000);
      await using source = await share.open(safePath('file'));
      await source.check();
      await change();
      await expect(source.check()).rejects.toMatchObject({ code: 'changed' });
      await expect(source.read(Buffer.alloc(5), 0)).rejects.toMatchObject({ code: 'changed' });
    }
  });

  test('a tag stays while the file does, differs when it changes, and tells nothing', async () => {
    const { base, place, share } = await open();
    await writeFile(join(place, 'file'), 'hello');
    await utimes(join(place, 'file'), 1000, 1000);
    const tag = async (from: Share) => {
      await using source = await from.open(safePath('file'));
      return source.tag;
    };
    const first = await tag(share);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(await tag(share)).toBe(first);
    await using other = shareOf(await openFolder(place, way), Buffer.from('another key'));
    expect(await tag(other)).not.toBe(first);
    await link(join(place, 'file'), join(base, 'second name'));
    expect(await tag(share)).not.toBe(first);
    // What was written just now may be written again within the same tick of its clock.
    await writeFile(join(place, 'file'), 'hello');
    expect(await tag(share)).not.toBe(await tag(share));
  });

  test.runIf(posix)('a share that is swapped for a link leads nowhere else', async () => {
    const { base, place, share } = await open();
    await writeFile(join(place, 'file'), 'ours');
    await mkdir(join(base, 'theirs'));
    await writeFile(join(base, 'theirs', 'file'), 'theirs');
    await rename(place, join(base, 'moved'));
    await symlink('theirs', place);
    if (way === 'handle') expect(await readAll(share, 'file')).toBe('ours');
    else await expect(share.open(safePath('file'))).rejects.toMatchObject({ code: 'folder-gone' });
    await rm(place);
  });

  test.runIf(posix && process.getuid?.() !== 0)(
    'a folder nobody may enter is said to be so',
    async () => {
      const { place, share } = await open();
      await mkdir(join(place, 'shut'), { mode: 0 });
      onTestFinished(() => chmod(join(place, 'shut'), 0o700));
      await expect(listAll(share, 'shut')).rejects.toMatchObject({ code: 'no-permission' });
    },
  );
});
