import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leftovers, partialOf, sameContents, sparseFile, visibleNames } from '../support/files.js';
import { privileged } from '../support/privileges.js';
import { makePlace, run, serve, start, type Place, type Server } from '../support/program.js';

const MiB = 1024 ** 2;
/** Bytes of the disk that files arrive on. */
const diskSize = 256 * MiB;

let folder: string;
let place: Place;
/** Plenty of room; files are sent from here. */
let roomy: string;
/** The small disk; files arrive below it. */
let disk: string;
let target: string;
let server: Server;

function unmount(): void {
  spawnSync('umount', ['--lazy', disk], { stdio: 'ignore' });
}

/** Takes all but `left` bytes of the small disk, even while others write to it. */
async function fillUp(left: number): Promise<void> {
  const file = await open(join(disk, 'filling'), 'a');
  const block = Buffer.alloc(4 * MiB, 1);
  try {
    for (;;) {
      const { bavail, bsize } = await statfs(disk);
      const length = Math.min(block.length, bavail * bsize - left);
      if (length <= 0) return;
      await file.write(block, 0, length).catch(noSpace);
    }
  } finally {
    await file.close();
  }
}

function noSpace(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOSPC') throw error;
}

async function makeRoom(): Promise<void> {
  await rm(join(disk, 'filling'));
}

describe.skipIf(!privileged).each(['get', 'put'] as const)('%s onto a small disk', (verb) => {
  const settings = ['--keep-free', '16MiB'];
  const kept = 'what was there before\n';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-disk-full-'));
    disk = join(folder, 'disk');
    roomy = join(folder, 'roomy');
    await mkdir(disk);
    await mkdir(roomy);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize},mode=755`, 'lanpost', disk]);
    process.once('exit', unmount);
    place = await makePlace(join(folder, 'owner'));
    target = join(disk, 'target');
    await sparseFile(join(roomy, 'big.bin'), 200 * MiB);
    await sparseFile(join(roomy, 'huge.bin'), 300 * MiB);
    await writeFile(join(roomy, 'small.txt'), 'small\n');
  });

  afterAll(async () => {
    unmount();
    process.off('exit', unmount);
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await mkdir(target);
    await writeFile(join(target, 'new_big.bin'), kept);
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(target, { recursive: true, force: true });
    await rm(join(disk, 'filling'), { force: true });
  });

  async function startServer(words: readonly string[]): Promise<void> {
    server = await serve(place, ['--tcp-port', '0', ...words, verb === 'get' ? roomy : target]);
  }

  function transfer(name: string, words: readonly string[]): string[] {
    const where = [...words, `127.0.0.1:${server.port}`];
    return verb === 'get'
      ? ['get', `--client-directory=${target}`, ...where, name]
      : ['put', ...where, join(roomy, name)];
  }

  async function expectUntouched(): Promise<void> {
    expect(await visibleNames(target)).toEqual(['new_big.bin']);
    expect(await readFile(join(target, 'new_big.bin'), 'utf8')).toBe(kept);
    expect(await leftovers(target)).toEqual([]);
  }

  test('what does not fit is refused before a byte moves, with the numbers', async () => {
    await startServer(settings);
    for (const left of [diskSize - 8 * MiB, 20 * MiB]) {
      await fillUp(left);
      const { code, stderr } = await run(place, transfer('huge.bin', settings));
      expect(code).toBe(7);
      const free = `${(left - 16 * MiB) / MiB} MiB`;
      expect(stderr).toContain(`no room: 300 MiB wanted, ${free} free besides the 16 MiB`);
      await expectUntouched();
      await makeRoom();
    }
  });

  test('a full disk takes nothing, and a little room is enough for a little file', async () => {
    await startServer(settings);
    await fillUp(0);
    const { code } = await run(place, transfer('small.txt', settings));
    expect(code).toBe(7);
    await expectUntouched();
    await makeRoom();
    await fillUp(17 * MiB);
    expect(await run(place, transfer('small.txt', settings))).toMatchObject({ code: 0 });
    expect(await readFile(join(target, 'new_small.txt'), 'utf8')).toBe('small\n');
  });

  test('a disk that fills up in the middle', async () => {
    await startServer(['--keep-free', '0']);
    await using client = start(place, transfer('big.bin', ['--json', '--keep-free', '0']));
    await partialOf(target, 1);
    // Hold the sender still, so that it is the middle for sure.
    const sender = verb === 'get' ? server : client;
    sender.kill('SIGSTOP');
    await fillUp(0);
    sender.kill('SIGCONT');
    const { code, lines } = await client.ended;
    expect(lines).toMatchObject([{ event: 'failed', code: 'no-room', exit: 7 }]);
    expect(code).toBe(7);
    expect(await visibleNames(target)).toEqual(['new_big.bin']);
    expect(await readFile(join(target, 'new_big.bin'), 'utf8')).toBe(kept);

    // It goes on with what there was room for.
    await makeRoom();
    const again = await run(place, transfer('big.bin', ['--keep-free', '0']));
    expect(again).toMatchObject({ code: 0 });
    const arrived = join(target, 'new_big (2).bin');
    expect(await sameContents(join(roomy, 'big.bin'), arrived)).toBe(true);
    expect(await leftovers(target)).toEqual([]);
  });
});
