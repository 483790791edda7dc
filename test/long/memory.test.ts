import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { measurePeaks } from '../support/memory.js';

vi.setConfig({ testTimeout: 1_800_000 });

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/**
 * MiB by which a file of 8 GiB may need more than one of 256 MiB: the collector's mood is worth 20 of
 * them, a hundredth of the file that is kept would be 80.
 */
const growth = 48;

describe.skipIf(process.platform !== 'linux')('memory does not grow with the file', () => {
  test.for(['get', 'put'] as const)('%s of 8 GiB', async (verb, { annotate }) => {
    const folder = await mkdtemp(join(tmpdir(), 'lanpost-memory-'));
    const target = await targetFor(8 * GiB, folder);
    try {
      const small = await measurePeaks({ folder, target, verb, size: 256 * MiB });
      const large = await measurePeaks({ folder, target, verb, size: 8 * GiB });
      const sides = (['server', 'client'] as const).map(
        (side) => `${side} ${small[side].toFixed(0)} to ${large[side].toFixed(0)} MiB`,
      );
      await annotate(`256 MiB to 8 GiB: ${sides.join(', ')}`);
      expect(large.server - small.server).toBeLessThanOrEqual(growth);
      expect(large.client - small.client).toBeLessThanOrEqual(growth);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** In memory if twice the size is free there, else on the disk. */
async function targetFor(size: number, disk: string): Promise<string> {
  const { bavail, bsize } = await statfs('/dev/shm').catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > 2 * size ? '/dev/shm' : disk;
}
