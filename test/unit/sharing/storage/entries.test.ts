import { entriesIn, type FoundEntry } from '#sharing/storage/entries.js';
import { openFolder, type Folder, type FolderWay } from '#sharing/storage/folder.js';
import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];

describe.each(ways)('the entries of a folder, reached by %s', (way) => {
  async function open(): Promise<{ place: string; folder: Folder }> {
    const place = await temporaryFolder();
    const folder = await openFolder(place, way);
    onTestFinished(() => folder[Symbol.asyncDispose]());
    return { place, folder };
  }

  async function all(folder: Folder): Promise<FoundEntry[]> {
    const found: FoundEntry[] = [];
    for await (const page of entriesIn(folder)) found.push(...page);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  test('are told with their types, hidden ones too', async () => {
    const { place, folder } = await open();
    await writeFile(join(place, 'file'), '');
    await writeFile(join(place, '.hidden'), '');
    await mkdir(join(place, 'folder'));
    await symlink('file', join(place, 'link'));
    await symlink('folder', join(place, 'link to a folder'));
    expect(await all(folder)).toEqual([
      { name: '.hidden', type: 'file' },
      { name: 'file', type: 'file' },
      { name: 'folder', type: 'folder' },
      { name: 'link', type: 'link' },
      { name: 'link to a folder', type: 'link' },
    ]);
  });

  test.runIf(onLinux)('that are a FIFO or a socket are something else', async () => {
    const { place, folder } = await open();
    execFileSync('mkfifo', [join(place, 'fifo')]);
    const server = createServer().listen(join(place, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    expect((await all(folder)).map(({ type }) => type)).toEqual(['other', 'other']);
  });

  test.runIf(onLinux)('whose name is not UTF-8 have an empty one', async () => {
    const { place, folder } = await open();
    await writeFile(Buffer.concat([Buffer.from(`${place}/a`), Buffer.of(0xff)]), '');
    await writeFile(join(place, 'ä'), '');
    expect(await all(folder)).toEqual([
      { name: '', type: 'file' },
      { name: 'ä', type: 'file' },
    ]);
  });

  test('are more than are read at a time', async () => {
    const { place, folder } = await open();
    const names = Array.from({ length: 260 }, (_, at) => `${at}`);
    await Promise.all(names.map((name) => writeFile(join(place, name), '')));
    expect((await all(folder)).map(({ name }) => name)).toEqual(names.sort());
  });

  test('of a folder that was replaced are not told', async () => {
    const { place, folder } = await open();
    await writeFile(join(place, 'file'), '');
    await rm(place, { recursive: true });
    await mkdir(place);
    await writeFile(join(place, 'of another'), '');
    if (way === 'handle') expect(await all(folder)).toEqual([]);
    else await expect(all(folder)).rejects.toMatchObject({ code: 'folder-gone' });
  });

  test.runIf(onLinux)('leave nothing open when nobody wants the rest', async () => {
    const { place, folder } = await open();
    for (const name of ['a', 'b']) await writeFile(join(place, name), '');
    const before = openDescriptors();
    for await (const [first] of entriesIn(folder)) {
      expect(first?.type).toBe('file');
      expect(openDescriptors()).toBe(before + 1);
      break;
    }
    expect(openDescriptors()).toBe(before);
  });
});
