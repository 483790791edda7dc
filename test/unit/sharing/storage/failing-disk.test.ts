import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { openChild, openFolder } from '#sharing/storage/folder.js';
import { keptTransfers } from '#sharing/local.js';
import { openPartial } from '#sharing/storage/partial.js';
import { partialLifetime, removePartial } from '#sharing/storage/partials.js';
import { safeName } from '#sharing/storage/path.js';
import { openStaging } from '#sharing/storage/staging.js';
import { writeStaged } from '#sharing/storage/small-file.js';
import type { DiskPace } from '#sharing/storage/disk-pace.js';
import { takenNumbers } from '#sharing/storage/naming.js';
import { sweep } from '#sharing/storage/sweep.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { mkdir, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { failCalls } from '../../../support/failing-calls.js';
import { leftovers, visibleNames } from '../../../support/files.js';
import { temporaryFolder } from '../../../support/temporary.js';

vi.mock('node:fs/promises', async (original) => {
  const { withFailures } = await import('../../../support/failing-calls.js');
  return withFailures(await original());
});
vi.mock('node:fs', async (original) => {
  const { withFailuresHere } = await import('../../../support/failing-calls.js');
  return withFailuresHere(await original());
});

const onLinux = process.platform === 'linux';
const photos = safeName('photos');
const header = {
  algorithm: 'blake3',
  peer: 'PEER',
  tag: '0'.repeat(32),
  name: 'big.bin',
  size: 3 * chunkSize,
  mtime: 0,
} as const;
const noLimit = () => Promise.resolve();

async function openArea(): Promise<{ place: string; area: LandingArea }> {
  const place = await temporaryFolder();
  const target = await openFolder(place);
  onTestFinished(() => target[Symbol.asyncDispose]());
  const area = await openLandingArea(target);
  onTestFinished(() => area[Symbol.asyncDispose]());
  return { place, area };
}

/** A partial that broke off, with one chunk of it. */
async function leavePartial(area: LandingArea): Promise<void> {
  const partial = await openPartial(area, header, noLimit);
  await partial.write(0, Buffer.alloc(chunkSize), Buffer.alloc(32, 1));
  await partial.close(true);
}

/** A folder that broke off, with one file in it. */
async function leaveTree(area: LandingArea): Promise<void> {
  const staging = await openStaging(area, 'PEER', photos);
  await writeFile(await staging.folder.at(safeName('file')), 'content');
  await staging.leave(true);
}

describe('what waits to go on', () => {
  test.each([
    ['.part', 'EMFILE'],
    ['.journal', 'EMFILE'],
    ['.journal', 'EIO'],
    ['.tree', 'EACCES'],
  ])('stays when its %s cannot be opened now: %s', async (end, code) => {
    const { place, area } = await openArea();
    await leavePartial(area);
    await leaveTree(area);
    const before = await leftovers(place);
    const descriptors = onLinux ? openDescriptors() : 0;
    failCalls((call, at) => (call === 'open' && at.endsWith(end) ? code : undefined));
    if (end !== '.tree') await expect(openPartial(area, header, noLimit)).rejects.toThrow(code);
    if (end !== '.part') await expect(openStaging(area, 'PEER', photos)).rejects.toThrow(code);
    await sweep(area, Date.now());
    expect(await leftovers(place)).toEqual(before);
    if (onLinux) expect(openDescriptors()).toBe(descriptors);
  });
});

test('a partial that is new has nothing to forget, and waits for no disk', async () => {
  const { area } = await openArea();
  const partial = await openPartial(area, header, noLimit);
  const prototype = Object.getPrototypeOf(partial.file) as FileHandle;
  const syncs = vi.spyOn(prototype, 'datasync');
  onTestFinished(() => {
    syncs.mockRestore();
  });
  await partial.retag(new Uint8Array(3));
  expect(syncs).not.toHaveBeenCalled();
  await partial.note(0, Buffer.alloc(32, 1));
  await partial.close(true);
  const again = await openPartial(area, { ...header, tag: '1'.repeat(32) }, noLimit);
  await again.retag(new Uint8Array(3));
  expect(syncs).toHaveBeenCalledOnce();
  await again.close(true);
  const third = await openPartial(area, { ...header, tag: '1'.repeat(32) }, noLimit);
  expect([third.sameSource, ...third.claims]).toEqual([true, 0, 0, 0]);
  await third.close(false);
});

describe('on a disk that takes no more', () => {
  const noLocks = (code: string) => {
    failCalls((call, at) => (call === 'writeFile' && at.includes('.lock') ? code : undefined));
  };

  test.each(['ENOSPC', 'EROFS'])('nothing is swept, and that is no failure: %s', async (code) => {
    const { place, area } = await openArea();
    await leavePartial(area);
    await writeFile(join(place, '.lanpost', `${'a'.repeat(32)}.reserved`), 'name');
    const before = await leftovers(place);
    noLocks(code);
    expect(await sweep(area, Date.now() + 2 * partialLifetime)).toBe(0);
    expect(await leftovers(place)).toEqual(before);
  });

  test('what waits can be removed to make room, unless somebody holds it', async () => {
    const { place, area } = await openArea();
    await leaveTree(area);
    const held = await openPartial(area, header, noLimit);
    const token = held.name.replace('.part', '');
    noLocks('ENOSPC');
    expect(await removePartial(area, token)).toBe(false);
    expect(await keptTransfers(place, true)).toMatchObject([{ name: 'photos' }]);
    expect((await leftovers(place)).every((name) => name.startsWith(token))).toBe(true);
    await held.close(true);
  });

  test('that is read-only the failure to remove says so of each', async () => {
    const { place, area } = await openArea();
    await leavePartial(area);
    await leaveTree(area);
    noLocks('EROFS');
    const failure = { code: 'write-failed', message: 'EROFS' };
    const kept = await keptTransfers(place, true);
    expect(kept.map(({ name }) => name).sort()).toEqual(['big.bin', 'photos']);
    expect(kept).toMatchObject([{ failure }, { failure }]);
    expect(await keptTransfers(place, false)).toHaveLength(2);
  });
});

test.each([
  ['EPERM', 'no-permission'],
  ['EACCES', 'no-permission'],
  ['EMFILE', 'read-failed'],
])('a folder that cannot be opened for %s is no fault of ours', async (errno, code) => {
  const place = await temporaryFolder();
  failCalls((call, at) => (call === 'open' && at === place ? errno : undefined));
  await expect(openFolder(place)).rejects.toMatchObject({ name: 'SharingError', code });
});

test.runIf(onLinux)('a folder that opens and cannot be looked at is closed again', async () => {
  const place = await temporaryFolder();
  await mkdir(join(place, 'below'));
  await using folder = await openFolder(place);
  const before = openDescriptors();
  failCalls((call) => (call === 'fstat' ? 'EIO' : undefined));
  await expect(openFolder(place)).rejects.toMatchObject({ code: 'read-failed', message: 'EIO' });
  await expect(openChild(folder, safeName('below'))).rejects.toThrow('EIO');
  expect(openDescriptors()).toBe(before);
});

test.runIf(onLinux)(
  'a folder that was let go of says neither that it is there nor that it is durable',
  async () => {
    const place = await temporaryFolder();
    const folder = await openFolder(place);
    await folder[Symbol.asyncDispose]();
    // Somebody else has its number by now.
    await using other = await openFolder(place);
    await expect(folder.sync()).rejects.toMatchObject({ code: 'folder-gone' });
    await expect(folder.mustExist()).rejects.toMatchObject({ code: 'folder-gone' });
    await other.mustExist();
  },
);

describe('a small file on a quick disk', () => {
  const here: DiskPace = { run: (sync) => sync() };

  test.each([
    ['write', 'ENOSPC'],
    ['close', 'EIO'],
  ])('of which the %s fails leaves nothing', async (which, code) => {
    const { place, area } = await openArea();
    const wish = { name: photos, mtime: 0 };
    const stage = async () =>
      writeStaged(area.target, wish, Buffer.from('x'), here, takenNumbers(), (work) =>
        work(area.target),
      );
    const before = onLinux ? openDescriptors() : 0;
    // Of two errors the first one says what is wrong.
    failCalls((call) => (call === which ? code : call === 'close' ? 'EDQUOT' : undefined));
    await expect(stage()).rejects.toThrow(code);
    expect(await visibleNames(place)).toEqual([]);
    if (onLinux) expect(openDescriptors()).toBe(before);
  });
});
