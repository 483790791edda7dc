import { openArrivals, type Arrivals } from '#sharing/storage/arrivals.js';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDescriptors } from '../../../support/descriptors.js';
import { temporaryFolder } from '../../../support/temporary.js';

const onLinux = process.platform === 'linux';

async function open(): Promise<{ place: string; folder: string; arrivals: Arrivals }> {
  const place = await temporaryFolder();
  await mkdir(join(place, 'state'));
  const arrivals = openArrivals(join(place, 'state'), Date.now);
  onTestFinished(() => arrivals[Symbol.asyncDispose]());
  return { place, folder: join(place, 'here'), arrivals };
}

describe('where a client receives', () => {
  test('is made when it is asked for, and stays open', async () => {
    const { folder, arrivals } = await open();
    const area = await arrivals.open(folder);
    expect(await readdir(folder)).toEqual(['.lanpost']);
    expect(await arrivals.open(folder)).toBe(area);
  });

  test('is looked for anew when its folder was taken away, or another is there', async () => {
    const { place, folder, arrivals } = await open();
    const first = await arrivals.open(folder);
    await rename(folder, join(place, 'elsewhere'));
    const second = await arrivals.open(folder);
    expect(second.target.key).not.toBe(first.target.key);
    expect(second.target.key).toContain(`:${(await stat(folder)).ino}`);
    await rm(join(folder, '.lanpost'), { recursive: true });
    const third = await arrivals.open(folder);
    expect(third.folder.key).not.toBe(second.folder.key);
    expect(await readdir(folder)).toEqual(['.lanpost']);
  });

  test.runIf(onLinux)('is refused when it was opened to others meanwhile', async () => {
    const { folder, arrivals } = await open();
    await arrivals.open(folder);
    await chmod(join(folder, '.lanpost'), 0o755);
    await expect(arrivals.open(folder)).rejects.toMatchObject({ code: 'landing-not-private' });
    await chmod(join(folder, '.lanpost'), 0o700);
    await expect(arrivals.open(folder)).resolves.toMatchObject({ below: [] });
  });

  test('is refused where the state lies', async () => {
    const { place, arrivals } = await open();
    await expect(arrivals.open(join(place, 'state'))).rejects.toMatchObject({
      code: 'folder-overlaps-state',
    });
  });

  test.runIf(onLinux)('is let go of in the end, with all that took its place', async () => {
    const before = openDescriptors();
    const { folder, arrivals } = await open();
    await arrivals.open(folder);
    await (await arrivals.open(folder)).names.next();
    await rm(folder, { recursive: true });
    await arrivals.open(folder);
    await (await arrivals.open(folder)).names.next();
    expect(openDescriptors()).toBeGreaterThan(before);
    await arrivals[Symbol.asyncDispose]();
    expect(openDescriptors()).toBe(before);
    expect(await readdir(join(folder, '.lanpost'))).toEqual([]);
  });

  test('has names again when what held them was taken away', async () => {
    const { folder, arrivals } = await open();
    const { names } = await arrivals.open(folder);
    const before = await names.next();
    for (const name of await readdir(join(folder, '.lanpost'))) {
      await rm(join(folder, '.lanpost', name));
    }
    expect(await before.isOurs()).toBe(false);
    expect(await (await names.next()).isOurs()).toBe(true);
  });
});
