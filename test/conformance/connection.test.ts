import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDevice } from '#sharing/identity/device.js';
import type { Incoming } from '#sharing/session/incoming.js';
import { SharingError } from '#sharing/errors.js';
import { digestOf } from '#sharing/storage/digest.js';
import { channelOptions } from '#sharing/transport/channel.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { acceptedFeed, socketFeed, type Feed } from '#sharing/transport/feed.js';
import {
  chunkSize,
  encodeChunkHeader,
  encodeDataHeader,
  packedHeaderLength,
} from '#sharing/wire/frame.js';
import { encode } from '#sharing/wire/message.js';
import { socketPair } from '../support/socket-pair.js';
import { temporaryFolder } from '../support/temporary.js';

type Pair = readonly [Duplex, Duplex, Feed?, Feed?];

/** As a client opens it, and a server takes it. */
async function fedPair(): Promise<Pair> {
  const feed = socketFeed();
  const [near, far] = await tlsPair({ onread: feed.onread });
  return [near, far, feed, acceptedFeed(far)];
}

async function tlsPair(more: object = {}): Promise<readonly [TLSSocket, TLSSocket]> {
  const device = await openDevice(`${await temporaryFolder()}/state`);
  const server = createTlsServer({ ...channelOptions(device), requestCert: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  const { port } = server.address() as { port: number };
  const client = connectTls({ ...channelOptions(device), port, host: '127.0.0.1', ...more });
  const [socket] = await accepted;
  onTestFinished(() => void server.close());
  return [client, socket];
}

const memoryPair = (): Promise<Pair> => Promise.resolve(socketPair());

/** The same promises over memory and over the real thing. */
describe.each([
  ['memory', memoryPair],
  ['TLS', () => tlsPair()],
  ['TLS that is read into one buffer', fedPair],
])('a connection over %s', (_, pair) => {
  const silence = { heartbeat: 15_000, idle: 35_000 };

  const fed = (feed?: Feed): object | undefined => feed && { feed };

  async function open(times = silence): Promise<readonly [Connection, Connection, Pair]> {
    const duplexes = await pair();
    const [near, far, ...feeds] = duplexes;
    const [a, b] = [speak(near, times, fed(feeds[0])), speak(far, times, fed(feeds[1]))];
    onTestFinished(async () => {
      await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
    });
    return [a, b, duplexes];
  }

  function collect(connection: Connection): Incoming[] {
    const found: Incoming[] = [];
    connection.receive((incoming) => {
      const copy =
        incoming.t === 'data' ? { ...incoming, bytes: Buffer.from(incoming.bytes) } : incoming;
      found.push(copy);
      return undefined;
    });
    return found;
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let tries = 0; !condition(); tries += 1) {
      if (tries > 1000) throw new Error('it never came');
      await delay(5);
    }
  }

  test('messages arrive whole and in order, both ways', async () => {
    const [a, b] = await open();
    const [atA, atB] = [collect(a), collect(b)];
    for (let id = 1; id <= 100; id += 1) a.send({ t: 'list', id, path: 'é'.repeat(id) });
    b.send({ t: 'error', id: 1, code: 'not-found', message: '' });
    await until(() => atB.length === 100 && atA.length === 1);
    expect(atB.map((incoming) => 'id' in incoming && incoming.id)).toEqual(
      Array.from({ length: 100 }, (_entry, index) => index + 1),
    );
  });

  test('two that both send chunks do not wait for one another', async () => {
    const [a, b] = await open();
    const arrived = [a, b].map((connection) => {
      const count = { bytes: 0 };
      connection.receive((incoming) => {
        if (incoming.t === 'data') count.bytes += incoming.bytes.length;
        return undefined;
      });
      return count;
    });
    const content = Buffer.alloc(chunkSize, 1);
    const digest = digestOf('blake3', content);
    const chunks = 8;
    const send = async (connection: Connection): Promise<void> => {
      for (let chunk = 0; chunk < chunks; chunk += 1) {
        const header = { id: 1, file: 0, chunk, length: chunkSize, digest };
        await connection.sendChunk(header, content);
      }
    };
    await Promise.all([send(a), send(b)]);
    await until(() => arrived.every(({ bytes }) => bytes === chunks * chunkSize));
  });

  /** A chunk of chance, with the place before it. */
  const room = (): Buffer =>
    Buffer.concat([Buffer.alloc(packedHeaderLength), randomBytes(chunkSize)]);
  const whole = { id: 1, file: 0, chunk: 3, length: chunkSize, digest: Buffer.alloc(32, 7) };

  test('a message that is said while a chunk goes out whole comes after it', async () => {
    const [a, b] = await open();
    const found = collect(b);
    const bytes = room();
    let parts = 0;
    await a.sendWhole(whole, bytes, () => {
      // One part has left, and the next ones have not.
      if (parts === 0) a.send({ t: 'bye' });
      parts += 1;
    });
    expect(parts).toBeGreaterThan(1);
    await until(() => found.at(-1)?.t === 'bye');
    expect(found[0]).toMatchObject({ t: 'chunk', chunk: 3 });
    const came = found.flatMap((one) => (one.t === 'data' ? [one.bytes] : []));
    expect(Buffer.concat(came).equals(bytes.subarray(packedHeaderLength))).toBe(true);
  });

  test('the last words of a connection that ends in the middle of a chunk are no part of it', async () => {
    const [a, b] = await open();
    const found = collect(b);
    const bytes = room();
    const sent = a.sendWhole(whole, bytes, () => {
      a.close(new SharingError('cancelled', 'enough'), { t: 'bye' });
    });
    await expect(sent).rejects.toMatchObject({ code: 'cancelled' });
    expect(await b.closed).toMatchObject({ code: 'connection-lost' });
    const came = Buffer.concat(found.flatMap((one) => (one.t === 'data' ? [one.bytes] : [])));
    expect(came.length).toBeLessThan(chunkSize);
    const first = bytes.subarray(packedHeaderLength, packedHeaderLength + came.length);
    expect(first.equals(came)).toBe(true);
  });

  test('chunks of two transfers do not mix, and messages pass them', async () => {
    const [a, b] = await open();
    const found = collect(b);
    const bytes = [Buffer.alloc(chunkSize, 1), Buffer.alloc(1000, 2)];
    const sent = bytes.map((content, id) =>
      a.sendChunk(
        { id, file: 0, chunk: 0, length: content.length, digest: digestOf('blake3', content) },
        content,
      ),
    );
    a.send({ t: 'bye' });
    await Promise.all(sent);
    await until(
      () =>
        found
          .filter(({ t }) => t === 'data')
          .reduce((sum, one) => sum + (one.t === 'data' ? one.bytes.length : 0), 0) ===
        chunkSize + 1000,
    );
    const order = found.map((one) => (one.t === 'chunk' ? `chunk ${one.id}` : one.t));
    expect(order.indexOf('bye')).toBeLessThan(order.indexOf('chunk 1'));
    const second = found.slice(order.indexOf('chunk 1') + 1).filter(({ t }) => t === 'data');
    const last = Buffer.concat(
      second.map((one) => (one.t === 'data' ? one.bytes : Buffer.alloc(0))),
    );
    expect(last.equals(bytes[1]!)).toBe(true);
  });

  test('while the receiver is busy nothing more is handed on', async () => {
    const [a, b] = await open();
    let busy = false;
    let count = 0;
    b.receive(() => {
      expect(busy).toBe(false);
      busy = true;
      return delay(2).then(() => {
        busy = false;
        count += 1;
      });
    });
    for (let n = 1; n <= 50; n += 1) a.send({ t: 'list', id: n, path: '' });
    await until(() => count === 50);
  });

  test('a peer that reads nothing stops the sender, within bounds', async () => {
    const [a, , [duplex]] = await open();
    const bytes = Buffer.alloc(chunkSize);
    let done = 0;
    for (let chunk = 0; chunk < 64; chunk += 1) {
      void a
        .sendChunk({ id: 1, file: 0, chunk, length: chunkSize, digest: Buffer.alloc(32) }, bytes)
        .then(() => (done += 1))
        .catch(() => undefined);
    }
    await delay(300);
    expect(done).toBeLessThan(20);
    expect(duplex.writableLength).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  test('a breach closes with one word to the other side, and the reason stays', async () => {
    const [a, b, [raw]] = await open();
    const atA = collect(a);
    collect(b);
    raw.write(Buffer.from('ff000002', 'hex'));
    expect((await b.closed)?.code).toBe('protocol');
    b.close();
    expect((await b.closed)?.code).toBe('protocol');
    await a.closed;
    expect(atA).toMatchObject([{ t: 'error', code: 'protocol' }]);
  });

  test('a fault in the receiver closes without telling what it was', async () => {
    const [a, b] = await open();
    const atA = collect(a);
    b.receive(() => {
      throw new Error('a secret path');
    });
    a.send({ t: 'bye' });
    expect((await b.closed)?.code).toBe('internal');
    await a.closed;
    expect(atA).toMatchObject([{ t: 'error', code: 'internal', message: '' }]);
  });

  test('a friendly end has no reason; one that is cut off has', async () => {
    const [a, b] = await open();
    const atB = collect(b);
    collect(a);
    a.close(undefined, { t: 'bye' });
    expect(await a.closed).toBeUndefined();
    expect((await b.closed)?.code).toBe('connection-lost');
    expect(atB).toMatchObject([{ t: 'bye' }]);
  });

  test('after the end every send fails or is swallowed, and nothing hangs', async () => {
    const [a, b] = await open();
    collect(b);
    const [bytes, header] = [
      Buffer.alloc(10),
      { id: 1, file: 0, chunk: 0, length: 10, digest: Buffer.alloc(32) },
    ];
    const before = Promise.allSettled(Array.from({ length: 9 }, () => a.sendChunk(header, bytes)));
    await a[Symbol.asyncDispose]();
    await before;
    a.send({ t: 'bye' });
    await expect(a.sendChunk(header, bytes)).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(
      a.sendDigests({ id: 1, file: 0, first: 0, digests: Buffer.alloc(32) }),
    ).rejects.toThrow();
  });

  test('silence is filled with pings on both sides, and both live', async () => {
    const [a, b] = await open({ heartbeat: 40, idle: 400 });
    const [atA, atB] = [collect(a), collect(b)];
    await delay(900);
    expect(a.signal.aborted || b.signal.aborted).toBe(false);
    expect([...atA, ...atB]).toEqual([]);
  });

  test('a peer that says nothing at all counts as gone', async () => {
    const [duplex, other] = await pair();
    const a = speak(duplex, { heartbeat: 40, idle: 200 });
    onTestFinished(() => void other.destroy());
    collect(a);
    other.resume();
    expect((await a.closed)?.code).toBe('peer-silent');
  });
});

test('a peer that reads slowly lives, though it says nothing and we do not listen meanwhile', async () => {
  const [near, far] = await memoryPair();
  const a = speak(near, { heartbeat: 60, idle: 300 });
  onTestFinished(() => a[Symbol.asyncDispose]());
  a.receive(() => {
    for (let id = 1; id <= 20; id += 1) a.send({ t: 'list', id, path: 'x'.repeat(60_000) });
    return undefined;
  });
  far.write(encode({ t: 'list', id: 1, path: '' }));
  await once(far, 'readable');
  let wasDeaf = false;
  for (let read = 0; read < 600_000;) {
    await delay(40);
    read += ((far.read(32_768) ?? far.read()) as Buffer | null)?.length ?? 0;
    wasDeaf ||= !a.listening();
    expect(a.signal.aborted).toBe(false);
  }
  expect(wasDeaf).toBe(true);
});

test('messages that come too fast wait, none is lost', async () => {
  const [near, far] = await memoryPair();
  const a = speak(
    near,
    { heartbeat: 15_000, idle: 35_000 },
    { rate: { burst: 10, perSecond: 100 } },
  );
  onTestFinished(() => a[Symbol.asyncDispose]());
  const heard: number[] = [];
  a.receive((incoming) => {
    if (incoming.t === 'list') heard.push(incoming.id);
    return undefined;
  });
  const ids = Array.from({ length: 30 }, (_, index) => index + 1);
  const began = performance.now();
  far.write(Buffer.concat(ids.map((id) => encode({ t: 'list', id, path: '' }))));
  while (heard.length < 30) await delay(10);
  expect(heard).toEqual(ids);
  // Twenty more than may come at once, a hundred a second.
  expect(performance.now() - began).toBeGreaterThan(150);
});

test('bytes that drip keep nobody alive, neither in a message nor in a chunk', async () => {
  const header = encodeChunkHeader({
    id: 1,
    file: 0,
    chunk: 0,
    length: chunkSize,
    digest: Buffer.alloc(32),
  });
  const starts = [
    Buffer.from([1, 0, 255, 255]),
    Buffer.concat([header, encodeDataHeader(200_000)]),
  ];
  for (const start of starts) {
    const [near, far] = await memoryPair();
    const a = speak(near, { heartbeat: 60, idle: 200 });
    onTestFinished(() => a[Symbol.asyncDispose]());
    a.receive(() => undefined);
    far.resume();
    far.write(start);
    const dripping = setInterval(() => far.write(Buffer.from([0x20])), 10);
    onTestFinished(() => {
      clearInterval(dripping);
    });
    expect((await a.closed)?.code).toBe('peer-silent');
  }
});

test('a client and a server agree on the quickest cipher', async () => {
  const [near, far] = await tlsPair();
  expect([near.getCipher().name, far.getCipher().name]).toEqual(
    Array(2).fill('TLS_AES_128_GCM_SHA256'),
  );
});
