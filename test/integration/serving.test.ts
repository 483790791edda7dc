import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDevice } from '#sharing/identity/device.js';
import { enter, type HostilePeer } from '../support/hostile-peer.js';
import {
  main,
  makePlace,
  run,
  serve,
  surroundings,
  type Place,
  type Server,
} from '../support/program.js';
import { freePort } from '../support/ports.js';
import { mayOpenTerminals } from '../support/privileges.js';
import {
  befriend,
  eventually,
  openHonest,
  openParties,
  serveShare,
  type Parties,
} from '../support/served-share.js';

const MiB = 1024 ** 2;
/** Milliseconds after which a server that was told to end counts as stuck, on a machine that is busy. */
const endsWithin = 10_000;

let folder: string;
let parties: Parties;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-serving-'));
  parties = await openParties();
  await befriend(parties.peer, parties.owner);
});

afterAll(async () => {
  await parties[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('the status of a server', () => {
  test('shows its owner who is there, what moves and what has moved', async () => {
    await using served = await serveShare(parties, { maxClients: 9, quota: 10 ** 6, keepFree: 5 });
    await using owner = await openHonest(parties.owner, served.port);
    await using slow = await enter(served.port, parties.peer);
    slow.say({ t: 'get', id: 1, path: 'plain.txt' });
    await slow.hear('offer');
    slow.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
    await slow.hear('end');
    const { rows, free, ...figures } = await owner.status();
    const who = { id: parties.peer.id, name: 'peer' };
    expect(rows.clients).toMatchObject([{ ...who, as: 'peer', rights: ['read', 'write'] }]);
    expect(rows.transfers).toMatchObject([{ ...who, direction: 'out', path: 'plain.txt' }]);
    expect(figures).toMatchObject({ clients: 1, transfers: 1, filesOut: 0, bytesOut: 0 });
    expect(figures).toMatchObject({ maxClients: 9, quota: 10 ** 6, keepFree: 5 });
    expect(free).toBeGreaterThan(0);
    slow.say({ t: 'got', id: 1, file: 0, chunk: 0 });
    expect((await owner.status()).rows.transfers).toMatchObject([{ bytes: 2000, size: 2000 }]);
  });

  test('counts what travelled, in folders too, and who was refused', async () => {
    await using served = await serveShare(parties);
    const at = (name: string): string => join(served.received, name);
    await mkdir(at('tree'));
    for (const name of ['a', 'b']) await writeFile(join(at('tree'), name), 'twelve bytes');
    await using owner = await openHonest(parties.owner, served.port);
    const ended: unknown[] = [];
    const options = { onEnded: (one: unknown) => ended.push(one) };
    await owner.put([at('tree')], options);
    await owner.put([at('tree')], options);
    await owner.get('plain.txt', { folder: served.received, receivedPrefix: 'new_', ...options });
    expect(ended).toMatchObject([
      { outcome: 'folder', as: 'new_tree', files: 2 },
      { outcome: 'folder', as: 'new_tree', identical: 2 },
      { outcome: 'received', as: 'new_plain.txt' },
    ]);
    await expect(openHonest(parties.stranger, served.port)).rejects.toMatchObject({
      code: 'not-known',
    });
    // The stranger hears of it before the server has done with it.
    await expect
      .poll(() => owner.status())
      .toMatchObject({
        ...{ filesIn: 2, bytesIn: 24, filesOut: 1, bytesOut: 2000, refused: 1, clients: 0 },
      });
  });

  test('is for nobody else', async () => {
    await using served = await serveShare(parties);
    await using peer = await openHonest(parties.peer, served.port);
    await expect(peer.status()).rejects.toMatchObject({ code: 'no-right' });
  });

  test('fits into messages, however long the names and however many there are', async () => {
    const deep = `${'d'.repeat(200)}/`.repeat(18);
    await using served = await serveShare(parties, { maxTransfersPerClient: 64 });
    await mkdir(join(served.folder, deep), { recursive: true });
    await writeFile(join(served.folder, deep, 'x'), 'x');
    const peers: HostilePeer[] = [];
    for (let n = 0; n < 2; n += 1) {
      const peer = await enter(served.port, [parties.peer, parties.owner][n]!);
      peers.push(peer);
      for (let id = 1; id <= 30; id += 1) {
        peer.say({ t: 'get', id, path: `${deep}x` });
        await peer.hear('offer');
      }
    }
    await using owner = await openHonest(parties.owner, served.port);
    const { rows, transfers } = await owner.status();
    expect([transfers, rows.transfers.length, rows.clients.length]).toEqual([60, 60, 2]);
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  });
});

/** A built server with a big file, and a client in the middle of it that reads nothing more. */
async function stuck(): Promise<{ place: Place; server: Server; peer: HostilePeer }> {
  const place = await makePlace(await mkdtemp(join(folder, 'stuck-')));
  const share = join(place.folder, 'serverDirectory');
  await mkdir(share);
  await writeFile(join(share, 'big.bin'), '');
  await truncate(join(share, 'big.bin'), 256 * MiB);
  const server = await serve(place, ['--tcp-port', '0']);
  const peer = await enter(server.port, await openDevice(place.state));
  peer.say({ t: 'get', id: 1, path: 'big.bin' });
  await peer.hear('offer');
  peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
  await peer.hear('data');
  peer.socket.pause();
  return { place, server, peer };
}

/** How the server ended; fails when it does not. */
async function endOf(server: Server): Promise<number | null | undefined> {
  const ended = await Promise.race([server.ended, delay(endsWithin)]);
  return ended?.code;
}

describe('a server with a client that reads nothing', () => {
  test.skipIf(process.platform === 'win32').each([
    ['SIGTERM', ['SIGTERM']],
    ['SIGTERM twice', ['SIGTERM', 'SIGTERM']],
    ['Ctrl-C', ['SIGINT']],
  ] as const)('ends at once by %s', async (_, signals) => {
    const { server, peer } = await stuck();
    await using _server = server;
    for (const signal of signals) server.kill(signal);
    expect(await endOf(server)).toBe(0);
    expect((await server.ended).lines.at(-1)).toMatchObject({ event: 'stopped' });
    await peer[Symbol.asyncDispose]();
  });

  test('is shown by status, and ends by SIGTERM while it winds down', async () => {
    const { place, server, peer } = await stuck();
    await using _server = server;
    const status = await run(place, ['status', '--json']);
    expect(status.code).toBe(0);
    expect(status.lines).toMatchObject([
      { event: 'status', port: server.port, clients: 1, transfers: 1 },
      { event: 'client', name: 'hostile', as: 'owner' },
      { event: 'transfer', client: 'hostile', direction: 'out', path: 'big.bin', size: 256 * MiB },
    ]);
    const asked = run(place, ['shutdown']);
    await server.says('left: the server is shutting down');
    server.kill('SIGTERM');
    expect(await endOf(server)).toBe(0);
    expect((await asked).code).toBe(0);
    await peer[Symbol.asyncDispose]();
  });
});

describe.skipIf(!mayOpenTerminals())('the terminal of a server', () => {
  test('shows the code, who comes, what moves and what went', async () => {
    const place = await makePlace(await mkdtemp(join(folder, 'screen-')));
    const share = join(place.folder, 'serverDirectory');
    await mkdir(share);
    await writeFile(join(share, 'note.txt'), 'a note\n');
    await writeFile(join(share, 'big.bin'), '');
    await truncate(join(share, 'big.bin'), 64 * MiB);
    const port = await freePort('tcp');
    const words = `serve --tcp-port ${port}`;
    const terminal = spawn(
      'script',
      ['-qec', `"${process.execPath}" "${main}" ${words}`, '/dev/null'],
      {
        cwd: place.folder,
        env: { ...surroundings(place), SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    let screen = '';
    terminal.stdout.on('data', (part: Buffer) => (screen += part.toString()));
    const shows = (words: RegExp): Promise<void> =>
      eventually(String(words), () => words.test(screen), 50_000);
    await shows(/ strangers {2}are asked for the code\r\n(.*\r\n)* {2}code {7}\w{4}-\w{4}/);
    expect((await run(place, ['get', `127.0.0.1:${port}`, 'note.txt'])).code).toBe(0);
    await shows(/\d\d:\d\d {2}\S+ joined {2}127\.0\.0\.1 {2}\(the owner\)\r\n/);
    await shows(/\d\d:\d\d {2}\S+ got note\.txt {2}7 B\r\n/);
    await shows(/\d\d:\d\d {2}\S+ left\r\n/);
    const peer = await enter(port, await openDevice(place.state));
    peer.say({ t: 'get', id: 1, path: 'big.bin' });
    await peer.hear('offer');
    peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
    peer.say({ t: 'got', id: 1, file: 0, chunk: 0 });
    await shows(/ {2}hostile gets big\.bin {2}\d+ % {2}\S+ \w+ of 64 MiB/);
    expect(screen).not.toContain('INFO');
    terminal.stdin.write('\u0003');
    await shows(/\r\nstopped\r\n/);
    await peer[Symbol.asyncDispose]();
  });
});
