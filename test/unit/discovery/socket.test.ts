import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openSocket, type DatagramSocket, type SocketOptions } from '#discovery/socket.js';
import { foreignSocket } from './loopback.js';

async function opened(changes: Partial<SocketOptions> = {}): Promise<DatagramSocket> {
  const result = await openSocket({ ...defaults(), ...changes });
  if (!result.ok) throw new Error(result.code);
  onTestFinished(() => result.socket[Symbol.asyncDispose]());
  return result.socket;
}

function defaults(): SocketOptions {
  return {
    address: '127.0.0.1',
    port: 0,
    reuseAddr: false,
    broadcast: false,
    inboxLimit: 100,
    maxBytes: 512,
    onDropped: () => undefined,
  };
}

test('sends and receives', async () => {
  const [a, b] = [await opened(), await opened()];
  expect(await a.send(Buffer.from('hello'), b.port, '127.0.0.1')).toBeNull();
  for await (const { bytes, address, port } of b.datagrams) {
    expect([Buffer.from(bytes).toString(), address, port]).toEqual(['hello', '127.0.0.1', a.port]);
    break;
  }
});

test('a burst waits for a reader that comes late; what is too much or too long is counted', async () => {
  const dropped: string[] = [];
  const receiver = await opened({
    inboxLimit: 10,
    maxBytes: 20,
    onDropped: (reason) => dropped.push(reason),
  });
  const sender = await foreignSocket();
  for (let i = 0; i < 15; i += 1) sender.send(`datagram ${i}`, receiver.port, '127.0.0.1');
  sender.send('x'.repeat(21), receiver.port, '127.0.0.1');
  await vi.waitFor(() => {
    expect(dropped).toHaveLength(6);
  });
  sender.close();
  expect(dropped.filter((reason) => reason === 'too-long')).toHaveLength(1);
  await receiver[Symbol.asyncDispose]();
  const received: string[] = [];
  for await (const { bytes } of receiver.datagrams) received.push(Buffer.from(bytes).toString());
  expect(received).toEqual(Array.from({ length: 10 }, (_, i) => `datagram ${i}`));
});

test('a taken port is an answer, and the next attempt is not hurt by it', async () => {
  const owner = await foreignSocket();
  const { port } = owner.address();
  expect(await openSocket({ ...defaults(), port })).toEqual({ ok: false, code: 'EADDRINUSE' });
  owner.close();
  await once(owner, 'close');
  expect((await opened({ port })).port).toBe(port);
});

test('an address that is not ours is an answer', async () => {
  const result = await openSocket({ ...defaults(), address: '192.0.2.1' });
  expect(result).toEqual({ ok: false, code: 'EADDRNOTAVAIL' });
});

test('errors of a send are answers', async () => {
  const socket = await opened();
  expect(await socket.send(Buffer.from('x'), 0, '127.0.0.1')).toBe('ERR_SOCKET_BAD_PORT');
  expect(await socket.send(Buffer.from('x'), 9, '127.255.255.255')).toBe('EACCES');
  expect(socket.failure()).toBeNull();
});

test('may broadcast when asked to', async () => {
  const socket = await opened({ broadcast: true });
  expect(await socket.send(Buffer.from('x'), socket.port, '127.255.255.255')).toBeNull();
});

test('a send in the tick of the end is answered, the end can be asked for twice', async () => {
  const socket = await opened();
  const sends = [1, 2, 3].map(() => socket.send(Buffer.from('x'), 9, '127.0.0.1'));
  await Promise.all([socket[Symbol.asyncDispose](), socket[Symbol.asyncDispose]()]);
  expect(await Promise.all(sends)).toEqual([null, null, null]);
  expect(await socket.send(Buffer.from('x'), 9, '127.0.0.1')).toBe('ECLOSED');
});

test('IPv6 has a socket of its own beside the one of IPv4 on the same port', async ({ skip }) => {
  const ipv4 = await opened({ address: '0.0.0.0', reuseAddr: true });
  const result = await openSocket({
    ...defaults(),
    address: '::',
    port: ipv4.port,
    reuseAddr: true,
  });
  skip(!result.ok && result.code === 'EAFNOSUPPORT', 'no IPv6 here');
  if (!result.ok) throw new Error(result.code);
  const ipv6 = result.socket;
  onTestFinished(() => ipv6[Symbol.asyncDispose]());
  expect(ipv6.port).toBe(ipv4.port);
  // Where both listen, the system itself prefers the one of IPv4.
  await ipv4[Symbol.asyncDispose]();
  const sender = await opened();
  await sender.send(Buffer.from('four'), ipv6.port, '127.0.0.1');
  const refused = await ipv6.send(Buffer.from('six'), ipv6.port, '::1');
  skip(refused !== null, 'no IPv6 on loopback here');
  for await (const { bytes } of ipv6.datagrams) {
    expect(Buffer.from(bytes).toString()).toBe('six');
    break;
  }
});

test('joining a group twice is no failure, joining where nothing is an answer', async () => {
  const socket = await opened({ address: '0.0.0.0' });
  expect(socket.join('239.255.77.77', '127.0.0.1')).toBeNull();
  expect(socket.join('239.255.77.77', '127.0.0.1')).toBeNull();
  expect(socket.join('239.255.77.77', '192.0.2.1')).toBe('ENODEV');
  expect(socket.join('10.0.0.1', '127.0.0.1')).toBe('EINVAL');
});
