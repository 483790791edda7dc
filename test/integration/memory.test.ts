import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { measurePeaks } from '../support/memory.js';

const MiB = 1024 ** 2;
/** MiB of physical memory that a program may need, whatever the size of the file. */
const most = 160;

describe.skipIf(process.platform !== 'linux')('memory for a file of 256 MiB', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-memory-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.for(['get', 'put'] as const)('%s', async (verb, { annotate }) => {
    const peaks = await measurePeaks({ folder, verb, size: 256 * MiB });
    await annotate(
      `${verb}: server ${peaks.server.toFixed(0)} MiB, client ${peaks.client.toFixed(0)} MiB`,
    );
    expect(peaks.server).toBeLessThan(most);
    expect(peaks.client).toBeLessThan(most);
  });
});
