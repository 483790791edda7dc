import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createWebServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDevice } from '#sharing/identity/device.js';
import { startHostileServer, welcome } from '../support/hostile-peer.js';
import { freePort } from '../support/ports.js';
import { makePlace, run, type Place } from '../support/program.js';
import { openMachine } from '../support/terminal-session.js';

let folder: string;
let place: Place;
const impatient = ['--connect-timeout', '1500ms'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-wrong-end-'));
  place = await makePlace(join(folder, 'client'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Listens on loopback, answering each connection in its own way. */
async function listener(server: Server): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function expectUnreachable(port: number, code: string, words: RegExp): Promise<void> {
  const typed = `127.0.0.1:${port}`;
  const [plain, json] = await Promise.all([
    run(place, ['list', ...impatient, typed]),
    run(place, ['get', '--json', ...impatient, typed, 'a.txt']),
  ]);
  expect(plain).toMatchObject({ code: 3, signal: null, stdout: '' });
  const [sentence = '', hint = '', ...more] = plain.stderr.trimEnd().split('\n');
  expect(sentence).toMatch(/^lanpost: .*[^.]$/);
  expect(sentence).toMatch(words);
  expect(hint).toMatch(/^ {2}\S/);
  expect(more).toEqual([]);
  expect(json.code).toBe(3);
  expect(json.lines).toMatchObject([{ v: 1, event: 'failed', code, exit: 3 }]);
}

describe('what listens there is not lanpost', () => {
  const notLanpost = /is not lanpost$/;
  const listeners: readonly (readonly [string, () => Server])[] = [
    ['a web server', () => createWebServer((_, response) => response.end('hello\n'))],
    [
      'one that greets first',
      () => createServer((socket) => socket.write('SSH-2.0-OpenSSH_9\r\n')),
    ],
    ['one that says nothing', () => createServer((socket) => socket.resume())],
    ['one that hangs up', () => createServer((socket) => socket.end())],
    ['one that breaks off', () => createServer((socket) => socket.resetAndDestroy())],
    ['one that speaks TLS without a certificate', () => createTlsServer()],
  ];

  test.each(listeners)('%s', async (_, make) => {
    await using wrong = await listener(make());
    await expectUnreachable(wrong.port, 'not-lanpost', notLanpost);
  });
});

test('nothing listens there', async () => {
  await expectUnreachable(
    await freePort('tcp'),
    'connection-refused',
    /^lanpost: nothing listens at 127\.0\.0\.1/,
  );
});

test('a host name that nobody has', async () => {
  const { code, stderr } = await run(place, ['list', ...impatient, 'nobody.invalid']);
  expect(code).toBe(3);
  expect(stderr).toContain('no machine called nobody.invalid is known\n  ');
});

test('a name with escape codes reaches no screen, not even when its session ends', async () => {
  const device = await openDevice(join(folder, 'hostile'));
  await using server = await startHostileServer(device, async (client) => {
    await client.hear('hello');
    client.say({ ...welcome, name: 'evil\u001b[2Jname' });
    await client.hear('list');
    client.socket.destroy();
  });
  await using machine = await openMachine();
  const lines = [`connect 127.0.0.1:${server.port}`, '-rlist', '-rlist'];
  const outcome = await machine.run([], { input: lines });
  const shown = outcome.lines.map(({ text }) => text).join('\n');
  expect(shown).toContain('connected to evil');
  expect(shown).toMatch(
    /the session with evil.* is over: the connection was lost; connect begins a new/,
  );
  expect(shown).not.toContain('\u001b');
});
