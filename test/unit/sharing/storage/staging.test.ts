import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import {
  listPartials,
  maxKept,
  partialLifetime,
  removePartial,
} from '#sharing/storage/partials.js';
import { safeName } from '#sharing/storage/path.js';
import { sweep } from '#sharing/storage/sweep.js';
import { openStaging, type Staging } from '#sharing/storage/staging.js';
import { chmod, mkdir, readdir, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { leftovers, visibleNames } from '../../../support/files.js';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';
const ways: FolderWay[] = onLinux ? ['handle', 'compare'] : ['compare'];
const photos = safeName('photos');

describe.each(ways)('a staged folder, reached by %s', (way) => {
  async function open(): Promise<{ place: string; area: LandingArea }> {
    const place = await temporaryFolder();
    const target = await openFolder(place, way);
    onTestFinished(() => target[Symbol.asyncDispose]());
    const area = await openLandingArea(target);
    onTestFinished(() => area[Symbol.asyncDispose]());
    return { place, area };
  }

  async function fill({ folder }: Staging, name = 'file'): Promise<void> {
    await writeFile(await folder.at(safeName(name)), 'content');
  }
  const namesIn = async ({ folder }: Staging) => (await readdir(await folder.self())).sort();

  /** A tree that broke off and waits, with one file in it. */
  async function leftBehind(area: LandingArea, peer = 'PEER', name = photos): Promise<void> {
    const staging = await openStaging(area, peer, name);
    await fill(staging);
    await staging.leave(true);
  }

  test('grows where nobody sees it, and appears whole under its name', async () => {
    const { place, area } = await open();
    const before = onLinux ? openDescriptors() : 0;
    const staging = await openStaging(area, 'PEER', photos);
    expect(staging.leftovers).toBeUndefined();
    await fill(staging);
    expect(await visibleNames(place)).toEqual([]);
    expect(await staging.place(photos)).toBe('photos');
    expect(await readdir(join(place, 'photos'))).toEqual(['file']);
    expect(await leftovers(place)).toEqual([]);
    // Too late.
    await staging.leave(false);
    expect(await readdir(join(place, 'photos'))).toEqual(['file']);
    if (onLinux) expect(openDescriptors()).toBe(before);
  });

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['a file', (path) => writeFile(path, 'of another')],
    ['a folder', (path) => mkdir(join(path, 'x'), { recursive: true })],
    // A rename would put it in the place of this one without a word.
    ['an empty folder', (path) => mkdir(path)],
    ['a link to nowhere', (path) => symlink('nowhere', path)],
    ['a link to an empty folder', (path) => mkdir(`${path}-`).then(() => symlink('photos-', path))],
  ])('gets a number where %s stands', async (_, make) => {
    const { place, area } = await open();
    await make(join(place, 'photos'));
    await mkdir(join(place, 'photos (2)'));
    const before = await stat(join(place, 'photos (2)'));
    const staging = await openStaging(area, 'PEER', photos);
    await fill(staging);
    expect(await staging.place(photos)).toBe('photos (3)');
    expect(await readdir(join(place, 'photos (3)'))).toEqual(['file']);
    expect((await stat(join(place, 'photos (2)'))).ino).toBe(before.ino);
  });

  test('who may enter it follows the umask, as for any folder that is made', async () => {
    const { place, area } = await open();
    await mkdir(join(place, 'other'));
    const staging = await openStaging(area, 'PEER', photos);
    await staging.place(photos);
    expect((await stat(join(place, 'photos'))).mode).toBe((await stat(join(place, 'other'))).mode);
  });

  test('that breaks off is kept, listed and found again by the same peer for the same name', async () => {
    const { place, area } = await open();
    await leftBehind(area);
    const [kept] = await listPartials(area);
    expect(kept?.header).toMatchObject({ folder: true, peer: 'PEER', name: 'photos' });
    expect(await kept?.bytes()).toBeGreaterThan(0);
    const again = await openStaging(area, 'PEER', photos);
    expect(again.leftovers).toBeDefined();
    expect(await namesIn(again)).toEqual(['file']);
    // What is being received is not among what waits.
    expect(await listPartials(area)).toEqual([]);
    await again.place(photos);
    expect(await readdir(join(place, 'photos'))).toEqual(['file']);
    expect(await leftovers(place)).toEqual([]);
  });

  test.each([
    ['another peer', 'OTHER', photos],
    ['another name', 'PEER', safeName('films')],
  ])('is not found by %s', async (_, peer, name) => {
    const { area } = await open();
    await leftBehind(area);
    const staging = await openStaging(area, peer, name);
    expect(staging.leftovers).toBeUndefined();
    expect(await namesIn(staging)).toEqual([]);
    await staging.leave(true);
    expect(await listPartials(area)).toHaveLength(2);
  });

  test('is not thrown away for those that strangers leave, of whom all keys count as one', async () => {
    const { area } = await open();
    const ofStrangers = { ...area, ofStrangers: true };
    for (const peer of ['KNOWN', 'OTHER']) await leftBehind(area, peer);
    for (let n = 0; n < maxKept.inAll; n += 1) await leftBehind(ofStrangers, `S${n}`);
    const kept = (await listPartials(area)).map(({ header }) => header.peer);
    expect(kept).toHaveLength(maxKept.inAll);
    expect(kept).toEqual(expect.arrayContaining(['KNOWN', 'OTHER']));
    expect(kept).not.toContain('S1');
    expect(kept).toContain(`S${maxKept.inAll - 1}`);
  });

  test('that is not worth keeping is gone at once', async () => {
    const { place, area } = await open();
    const staging = await openStaging(area, 'PEER', photos);
    await mkdir(await staging.folder.at(safeName('deep')));
    await fill(staging);
    await staging.leave(false);
    expect(await leftovers(place)).toEqual([]);
  });

  // The second waits for the first to let go, as one that has just ended does.
  test.runIf(way === ways[0])(
    'for two at a time: each has its own, and only the first waits for another time',
    async () => {
      const { place, area } = await open();
      const first = await openStaging(area, 'PEER', photos);
      const second = await openStaging(area, 'PEER', photos);
      await fill(first, 'one');
      await fill(second, 'other');
      expect(await namesIn(first)).toEqual(['one']);
      await second.leave(true);
      await first.leave(true);
      expect(await listPartials(area)).toHaveLength(1);
      const again = await openStaging(area, 'PEER', photos);
      expect(await namesIn(again)).toEqual(['one']);
      await again.leave(false);
      expect(await leftovers(place)).toEqual([]);
    },
  );

  test('whose hold was taken over is not placed', async () => {
    const { place, area } = await open();
    const staging = await openStaging(area, 'PEER', photos);
    await fill(staging);
    const tree = (await leftovers(place)).find((name) => name.endsWith('.tree')) ?? '';
    const lock = tree.replace(/tree$/, 'lock');
    await writeFile(join(place, '.lanpost', lock), 'somebody else');
    await expect(staging.place(photos)).rejects.toMatchObject({ code: 'write-failed' });
    expect(await visibleNames(place)).toEqual([]);
    // It is theirs now.
    await staging.leave(false);
    expect(await leftovers(place)).toContainEqual(expect.stringMatching(/\.tree$/));
  });

  test.each<[string, (place: string) => Promise<unknown>]>([
    [
      'a journal that is damaged',
      (place) => harm(place, 'journal', (path) => writeFile(path, 'x')),
    ],
    ['no journal', (place) => harm(place, 'journal', unlink)],
    [
      'a link in the place of the tree',
      (place) =>
        harm(place, 'tree', async (path) => {
          await mkdir(join(place, 'secret'));
          await rename(path, join(place, 'taken'));
          await symlink(join(place, 'secret'), path);
        }),
    ],
  ])('that lies here with %s is not gone on with', async (_, make) => {
    const { place, area } = await open();
    await leftBehind(area);
    await make(place);
    const staging = await openStaging(area, 'PEER', photos);
    expect(staging.leftovers).toBeUndefined();
    expect(await namesIn(staging)).toEqual([]);
    await fill(staging);
    expect(await staging.place(photos)).toBe('photos');
    expect(await readdir(join(place, 'photos'))).toEqual(['file']);
    expect(await readdir(join(place, 'secret')).catch(() => [])).toEqual([]);
  });

  test('does not pile up: the oldest of a peer makes room, and no other peer', async () => {
    const { area } = await open();
    await leftBehind(area, 'OTHER');
    for (let at = 0; at <= maxKept.perPeer; at += 1) {
      await leftBehind(area, 'PEER', safeName(`photos ${at}`));
    }
    const kept = await listPartials(area);
    expect(kept.filter(({ header }) => header.peer === 'OTHER')).toHaveLength(1);
    const names = kept
      .filter(({ header }) => header.peer === 'PEER')
      .map(({ header }) => header.name);
    expect(names).toHaveLength(maxKept.perPeer);
    expect(names).toContain(`photos ${maxKept.perPeer}`);
  });

  test('is removed when somebody wants it gone, with all in it; links in it are not followed', async () => {
    const { place, area } = await open();
    await writeFile(join(place, 'of another'), '');
    const staging = await openStaging(area, 'PEER', photos);
    await fill(staging);
    await mkdir(await staging.folder.at(safeName('deep')));
    await symlink(place, await staging.folder.at(safeName('link')));
    await staging.leave(true);
    const [kept] = await listPartials(area);
    expect(await removePartial(area, kept?.token ?? '')).toBe(true);
    expect(await leftovers(place)).toEqual([]);
    expect(await visibleNames(place)).toEqual(['of another']);
  });

  test('is not removed by hand while it is held', async () => {
    const { place, area } = await open();
    const staging = await openStaging(area, 'PEER', photos);
    await fill(staging);
    const [name = ''] = (await leftovers(place)).filter((one) => one.endsWith('.tree'));
    expect(await removePartial(area, name.replace('.tree', ''))).toBe(false);
    expect(await namesIn(staging)).toEqual(['file']);
    await staging.leave(false);
  });

  test('expires when nothing came for long, and not before', async () => {
    const { place, area } = await open();
    await leftBehind(area);
    // Old times of what lies in it, or of itself, say nothing: a sender sets them.
    const [name = ''] = (await leftovers(place)).filter((one) => one.endsWith('.tree'));
    await chmod(join(place, '.lanpost', name), 0o700);
    expect(await sweep(area, Date.now() + partialLifetime - 60_000)).toBe(0);
    expect(await listPartials(area)).toHaveLength(1);
    expect(await sweep(area, Date.now() + partialLifetime + 60_000)).toBe(2);
    expect(await leftovers(place)).toEqual([]);
  });

  // A clock that is set right in the middle of a transfer makes everything old at once.
  test('does not expire while it is held', async () => {
    const { area } = await open();
    const staging = await openStaging(area, 'PEER', photos);
    onTestFinished(() => staging.leave(false));
    await fill(staging);
    await sweep(area, Date.now() + partialLifetime + 60_000);
    expect(await namesIn(staging).catch(() => 'gone')).toEqual(['file']);
  });

  async function harm(
    place: string,
    kind: string,
    work: (path: string) => Promise<unknown>,
  ): Promise<void> {
    for (const name of await leftovers(place)) {
      if (name.endsWith(`.${kind}`)) await work(join(place, '.lanpost', name));
    }
  }
});
