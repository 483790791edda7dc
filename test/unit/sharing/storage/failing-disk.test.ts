import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { openFolder } from '#sharing/storage/folder.js';
import { openPartial } from '#sharing/storage/partial.js';
import { safeName } from '#sharing/storage/path.js';
import { openStaging } from '#sharing/storage/staging.js';
import { sweep } from '#sharing/storage/sweep.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { writeFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { failCalls } from '../../../support/failing-calls.js';
import { leftovers } from '../../../support/files.js';
import { temporaryFolder } from '../../../support/temporary.js';

vi.mock('node:fs/promises', async (original) => {
  const { withFailures } = await import('../../../support/failing-calls.js');
  return withFailures(await original());
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
