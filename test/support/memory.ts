import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { sameContents, sparseFile } from './files.js';
import { makePlace, serve, start, type Running } from './program.js';

export interface Measurement {
  /** The file is sent from here; everything made is removed again. */
  readonly folder: string;
  /** The file arrives here; by default in `folder`. */
  readonly target?: string;
  readonly verb: 'get' | 'put';
  /** Bytes of the file, which is mostly holes. */
  readonly size: number;
}

/** The most physical memory that each side had, in MiB. */
export interface Peaks {
  readonly server: number;
  readonly client: number;
}

/** Transfers one file between two programs on this machine, checks it, and gives both peaks. */
export async function measurePeaks({ folder, target, verb, size }: Measurement): Promise<Peaks> {
  const place = await makePlace(await mkdtemp(join(folder, 'owner-')));
  const arriving = await mkdtemp(join(target ?? folder, 'lanpost-arriving-'));
  const source = join(place.folder, 'big.bin');
  const shared = verb === 'get' ? place.folder : arriving;
  // Next to the share, not in it: a share that holds the key is refused.
  const owner = { ...place, state: `${place.folder}.state` };
  try {
    await sparseFile(source, size);
    await using server = await serve(owner, ['--tcp-port', '0', shared]);
    const words = ['--keep-free', '0', `127.0.0.1:${server.port}`, 'big.bin'];
    await using client = start(
      owner,
      verb === 'get' ? ['get', `--client-directory=${arriving}`, ...words] : ['put', ...words],
    );
    const peak = await peakUntilEnd(client);
    expect(await client.ended).toMatchObject({ code: 0 });
    const peaks = { server: await peakMemory(server.pid), client: peak };
    expect(await sameContents(source, join(arriving, 'new_big.bin'))).toBe(true);
    return peaks;
  } finally {
    for (const path of [arriving, place.folder, owner.state]) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** The most physical memory that a process has had, in MiB; 0 once it is gone. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

/** Watches a program to its end; a peak only grows, so the last look is the one that counts. */
async function peakUntilEnd({ pid, ended }: Running): Promise<number> {
  const over = new AbortController();
  void ended.then(() => {
    over.abort();
  });
  let peak = 0;
  while (!over.signal.aborted) {
    peak = Math.max(peak, await peakMemory(pid));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return peak;
}
