import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mayTrace } from '../support/privileges.js';
import {
  main,
  makePlace,
  serve,
  surroundings,
  type Place,
  type Server,
} from '../support/program.js';

const run = promisify(execFile);
const mebibyte = 1024 * 1024;
const names = ['one', 'two', 'three'];

let base: string;
let client: Place;
let servers: Server[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'lanpost-several-'));
  client = await makePlace(join(base, 'client'));
  servers = [];
  for (const name of names) {
    const place = await makePlace(join(base, name));
    await mkdir(join(place.folder, 'serverDirectory'));
    servers.push(await serve(place, ['--tcp-port', '0', '--open=rw']));
  }
});

afterEach(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  await rm(base, { recursive: true, force: true });
});

describe.skipIf(!mayTrace())('put to several servers', () => {
  /** Bytes that were read of files below the folder of the client while it put something. */
  async function readFor(...words: readonly string[]): Promise<number> {
    const trace = await mkdtemp(join(base, 'trace-'));
    // A file for each thread, so that no line is cut by another's.
    const calls = ['-ff', '-y', '-e', 'trace=read,pread64,readv,preadv', '-o', join(trace, 'of')];
    const trust = ['--trust', servers.map(({ id }) => id).join(',')];
    const to = ['--to', servers.map(({ port }) => `127.0.0.1:${port}`).join(',')];
    await run('strace', [...calls, process.execPath, main, 'put', ...words, ...to, ...trust], {
      cwd: client.folder,
      env: surroundings(client),
    });
    const files = await readdir(trace);
    const texts = await Promise.all(files.map((name) => readFile(join(trace, name), 'utf8')));
    const lines = texts.flatMap((text) => text.split('\n'));
    const own = lines.filter((line) => line.includes(`<${join(client.folder, 'mine')}`));
    return own.reduce((sum, line) => sum + Number(/ = (\d+)$/.exec(line)?.[1] ?? 0), 0);
  }

  test('reads a large file once', async () => {
    const content = randomBytes(24 * mebibyte + 3);
    await mkdir(join(client.folder, 'mine'));
    await writeFile(join(client.folder, 'mine/film.bin'), content);
    await utimes(join(client.folder, 'mine/film.bin'), 1000, 1000);
    expect(await readFor('mine/film.bin')).toBe(content.length);
    for (const name of names) {
      const stored = await readFile(join(base, name, 'serverDirectory/new_film.bin'));
      expect(stored.equals(content)).toBe(true);
    }
  });

  test('reads the files of a folder once', async () => {
    const sizes = [0, 1, 5000, 70_000, mebibyte, 3 * mebibyte + 1];
    await mkdir(join(client.folder, 'mine/below'), { recursive: true });
    for (const size of sizes) {
      await writeFile(join(client.folder, `mine/below/${size}.bin`), randomBytes(size));
    }
    expect(await readFor('mine')).toBe(sizes.reduce((sum, size) => sum + size));
    for (const size of sizes) {
      const sent = await readFile(join(client.folder, `mine/below/${size}.bin`));
      for (const name of names) {
        const place = join(base, name, 'serverDirectory/new_mine/below', `${size}.bin`);
        expect((await readFile(place)).equals(sent)).toBe(true);
      }
    }
  });
});
