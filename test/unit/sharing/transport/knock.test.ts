import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { knock, tryPort } from '#sharing/knocking.js';

const servers: Server[] = [];
const sockets: Socket[] = [];

async function listening(onClient: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onClient(socket);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

const host = '127.0.0.1';
const timeout = 5000;

test('a lanpost server is known by its one line for plain text', async () => {
  const port = await listening((socket) => {
    socket.write('lanpost speaks ');
    socket.end('TLS only; use the lanpost client.\n');
  });
  expect(await knock({ host, port, timeout })).toBe('lanpost');
});

test.each<[string, (socket: Socket) => void]>([
  ['says something else', (socket) => socket.write('220 mail.example ESMTP ready, go on\r\n')],
  ['says too little', (socket) => socket.end('lanpost')],
])('what %s is another program', async (_, onClient) => {
  const port = await listening(onClient);
  expect(await knock({ host, port, timeout })).toBe('other');
});

test.each<[string, (socket: Socket) => void]>([
  ['closes at once', (socket) => socket.end()],
  ['breaks off', (socket) => socket.resetAndDestroy()],
])('what %s may be a server without room', async (_, onClient) => {
  const port = await listening(onClient);
  expect(await knock({ host, port, timeout })).toBe('hung-up');
});

test('who says nothing is another program when the time is up', async () => {
  const port = await listening(() => undefined);
  expect(await knock({ host, port, timeout: 50 })).toBe('other');
});

test('nobody there: the code of the system', async () => {
  const port = await listening(() => undefined);
  servers[0]?.close();
  await once(servers[0]!, 'close');
  expect(await knock({ host, port, timeout })).toEqual({ code: 'ECONNREFUSED' });
});

test('an abort ends it', async () => {
  const port = await listening(() => undefined);
  expect(await knock({ host, port, timeout, signal: AbortSignal.timeout(20) })).toBe('other');
});

test('a port is tried and let go of', async () => {
  const port = await listening(() => undefined);
  expect(await tryPort(port)).toBe('EADDRINUSE');
  servers[0]?.close();
  await once(servers[0]!, 'close');
  expect(await tryPort(port)).toBeNull();
  expect(await tryPort(port)).toBeNull();
});
