import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partialOf } from '../support/files.js';
import { makePlace, serve, start } from '../support/program.js';

const MiB = 1024 ** 2;
const amber = ['--name', 'amber', '--tcp-port', '0'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-moved-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A get in whose middle the server is started again at another port; `named` is how it was called. */
async function getAcross(named: (port: number) => string, ...words: readonly string[]) {
  const place = await makePlace(await mkdtemp(join(folder, 'get-')));
  const received = join(place.folder, 'clientDirectory');
  const share = join(place.folder, 'serverDirectory');
  await Promise.all([share, received].map((path) => mkdir(path)));
  await writeFile(join(share, 'big.bin'), '');
  await truncate(join(share, 'big.bin'), 512 * MiB);
  await using server = await serve(place, amber);
  await using client = start(place, ['get', '--json', named(server.port), 'big.bin', ...words]);
  await partialOf(received, 64 * MiB);
  server.kill('SIGTERM');
  await server.ended;
  await using next = await serve(place, amber);
  const { code, lines } = await client.ended;
  return { code, lines, ports: [server.port, next.port] as const };
}

test('a transfer goes on where the server is by then', async () => {
  const { code, lines, ports } = await getAcross(() => 'amber');
  expect(ports[0]).not.toBe(ports[1]);
  expect(lines).toMatchObject([
    { event: 'broken', name: 'amber', code: 'shutting-down', port: ports[0] },
    { event: 'back', name: 'amber', port: ports[1] },
    { event: 'received', as: 'clientDirectory/new_big.bin', size: 512 * MiB },
  ]);
  expect(code).toBe(0);
});

test('but not at another port than the one that was typed, where another server may be', async () => {
  const { code, lines } = await getAcross((port) => `amber:${port}`, '--reconnect-timeout', '3s');
  expect(lines.map(({ event }) => event)).toEqual(['broken', 'failed']);
  expect(code).toBe(8);
});
