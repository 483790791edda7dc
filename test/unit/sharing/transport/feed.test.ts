import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { openDevice } from '#sharing/identity/device.js';
import { channelOptions } from '#sharing/transport/channel.js';
import { acceptedFeed, type Feed } from '#sharing/transport/feed.js';
import { socketPair } from '../../../support/socket-pair.js';
import { temporaryFolder } from '../../../support/temporary.js';

const record = 16 * 1024;

/** Both ends of a connection; `onAccepted` sees the one of the server before anything is read from it. */
async function pair(
  onAccepted: (socket: TLSSocket) => void,
): Promise<readonly [TLSSocket, TLSSocket]> {
  const device = await openDevice(`${await temporaryFolder()}/state`);
  const server = createServer({ ...channelOptions(device), requestCert: true });
  server.on('secureConnection', onAccepted);
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const near = connect({ ...channelOptions(device), port, host: '127.0.0.1' });
  const [far] = await accepted;
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

/** What comes until `length` bytes are here, and the memory in which it lay. */
async function gather(
  socket: Duplex,
  feed: Feed,
  length: number,
): Promise<{ bytes: Buffer; places: number }> {
  const parts: Buffer[] = [];
  const places = new Set<ArrayBufferLike>();
  let sum = 0;
  await new Promise<void>((resolve) => {
    feed.listen((bytes) => {
      parts.push(Buffer.from(bytes));
      places.add(bytes.buffer);
      sum += bytes.length;
      if (sum >= length) resolve();
    });
    socket.resume();
  });
  return { bytes: Buffer.concat(parts), places: places.size };
}

const content = Buffer.from(Array.from({ length: 20 * record }, (_, at) => at % 251));

test('an accepted socket reads every record into the same place', async () => {
  let feed: Feed | undefined;
  const [near, far] = await pair((socket) => (feed = acceptedFeed(socket)));
  if (!feed) throw new Error('not accepted');
  const gathered = gather(far, feed, content.length);
  near.write(content);
  const { bytes, places } = await gathered;
  expect(bytes.equals(content)).toBe(true);
  expect(places).toBe(1);
});

test('what comes before anybody listens is kept in its order, and the rest waits', async () => {
  let feed: Feed | undefined;
  const [near, far] = await pair((socket) => (feed = acceptedFeed(socket)));
  near.write(content);
  while (far.bytesRead < 4 * record) await new Promise(setImmediate);
  const { bytes } = await gather(far, feed ?? acceptedFeed(far), content.length);
  expect(bytes.equals(content)).toBe(true);
});

test('what the stream had taken before comes first', async () => {
  const [near, far] = await pair(() => undefined);
  near.write(content.subarray(0, record));
  while (far.readableLength < record) await new Promise(setImmediate);
  const feed = acceptedFeed(far);
  const gathered = gather(far, feed, content.length);
  near.write(content.subarray(record));
  expect((await gathered).bytes.equals(content)).toBe(true);
});

test('without these names in Node it is a stream like any other', async () => {
  const [near, far] = socketPair();
  const gathered = gather(far, acceptedFeed(far), content.length);
  near.write(content);
  expect((await gathered).bytes.equals(content)).toBe(true);
});
