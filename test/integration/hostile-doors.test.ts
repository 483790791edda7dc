import { channelOptions } from '#sharing/transport/channel.js';
import {
  dialHostile,
  enter,
  hello,
  messageFrame,
  patience,
  saying,
  chunkFrame,
  frame,
} from '../support/hostile-peer.js';
import { furnish, offer } from '../support/hostile-states.js';
import {
  eventually,
  expectServed,
  expectUnharmed,
  holdings,
  openParties,
  serveShare,
  type Holdings,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { socketPair } from '../support/socket-pair.js';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const mebibyte = 1024 * 1024;
let parties: Parties;
let served: ServedShare;
let before: Holdings;

beforeAll(async () => {
  parties = await openParties();
  served = await serveShare(parties, {
    firstByteTime: 300,
    handshakeTime: 500,
    helloTime: 500,
    heartbeat: 150,
    idleTimeout: 700,
    stallTimeout: 300,
    maxClientsPerAddress: 12,
  });
  await furnish(served);
  await expectServed(served);
});

afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await parties[Symbol.asyncDispose]();
});

beforeEach(() => {
  before = holdings(served);
});

afterEach(() => expectUnharmed(served, before));

function count(events: ServedShare['events'], what: string): number {
  return events.filter(({ event }) => event === what).length;
}

/** What an honest client says first. */
async function clientHello(): Promise<Buffer> {
  const [near, far] = socketPair();
  const client = connectTls({ ...channelOptions(parties.peer), socket: near });
  client.on('error', () => undefined);
  const [bytes] = (await once(far, 'data')) as [Buffer];
  client.destroy();
  return bytes;
}

interface Plain {
  readonly socket: Socket;
  readonly heard: () => Buffer;
  /** Waits for the end; gives the milliseconds it took. */
  ended(): Promise<number>;
}

async function dialPlain(): Promise<Plain> {
  const socket = connect(served.port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  const began = performance.now();
  return {
    socket,
    heard: () => Buffer.concat(parts),
    async ended() {
      const over = new AbortController();
      const late = delay(patience, undefined, over).catch(() => undefined);
      await Promise.race([closed, late]);
      over.abort();
      expect(socket.closed, 'the server ends it').toBe(true);
      return performance.now() - began;
    },
  };
}

describe('before the handshake', () => {
  test.each([
    ['a line', 'list\n'],
    ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a web browser', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['NUL', '\0'],
    ['a megabyte', 'x'.repeat(mebibyte)],
    ['a TLS alert', '\x15\x03\x03\x00\x02\x02\x28'],
  ])('%s gets one clear line and the end', async (_what, text) => {
    const plain = await dialPlain();
    plain.socket.write(text, 'latin1');
    await plain.ended();
    // A large input that was not read makes the system reset; then the line may be lost.
    if (text.length < 1000)
      expect(plain.heard().toString()).toMatch(/^lanpost speaks TLS[^\n]+\n$/);
  });

  test.each<[string, Buffer]>([
    ['silence', Buffer.alloc(0)],
    ['the first byte of TLS, then silence', Buffer.from([0x16])],
    ['a record header, then silence', Buffer.from([0x16, 3, 1, 2, 0])],
    ['garbage after the first byte', Buffer.concat([Buffer.from([0x16]), Buffer.alloc(600, 0xa5)])],
    [
      'a record of 64 KiB',
      Buffer.concat([Buffer.from([0x16, 3, 1, 0xff, 0xff]), Buffer.alloc(70_000)]),
    ],
  ])('%s is closed', async (_what, bytes) => {
    const plain = await dialPlain();
    if (bytes.length > 0) plain.socket.write(bytes);
    await plain.ended();
    expect(plain.heard().toString('latin1')).not.toMatch(/lanpost/);
  });

  test('an end without a byte is closed', async () => {
    const plain = await dialPlain();
    plain.socket.end();
    await plain.ended();
  });

  test('a first message that drips is closed however long it drips', async () => {
    const plain = await dialPlain();
    plain.socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
    const drip = setInterval(() => plain.socket.write(Buffer.from([0x20])), 50);
    const took = await plain.ended();
    clearInterval(drip);
    expect(took).toBeLessThan(patience);
  });

  test('a ClientHello that was tampered with gets no further', async () => {
    const greeting = await clientHello();
    const entered = count(served.events, 'client-in');
    // 97 is prime to any length near that of a ClientHello, so the places are spread over all of it.
    const tampered = Array.from({ length: 120 }, (_, index) => {
      const at = (index * 97) % greeting.length;
      const bytes = Buffer.from(greeting);
      // The first byte decides whether it is TLS at all; that is another test.
      if (index % 3 === 0) return bytes.subarray(0, Math.max(1, at));
      bytes[Math.max(1, at)]! ^= 1 << (index % 8);
      return index % 3 === 1 ? bytes : Buffer.concat([bytes, bytes.subarray(at)]);
    });
    await Promise.all(
      tampered.map(async (bytes) => {
        const plain = await dialPlain();
        plain.socket.write(bytes);
        await plain.ended();
      }),
    );
    expect(count(served.events, 'client-in')).toBe(entered);
  });

  test('TLS 1.2 gets no further', async () => {
    await expect(
      dialHostile(served.port, parties.peer, {
        minVersion: 'TLSv1.2',
        maxVersion: 'TLSv1.2',
        ciphers: 'HIGH',
      }),
    ).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  });

  test('another protocol inside TLS gets no further', async () => {
    await expect(
      dialHostile(served.port, parties.peer, { ALPNProtocols: ['h2'] }),
    ).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  });

  const withoutKey = { key: undefined, cert: undefined };
  test.each([
    ['no protocol inside TLS', { ALPNProtocols: [] }],
    ['no certificate', withoutKey],
  ])('with %s nothing is answered', async (_what, tls) => {
    const peer = await dialHostile(served.port, parties.peer, tls);
    peer.say(hello);
    expect(await peer.farewell()).toEqual([]);
  });
});

describe('silence after the handshake', () => {
  test('without a hello, pings or not', async () => {
    for (const silent of [true, false]) {
      const peer = await dialHostile(served.port, parties.peer);
      if (silent) peer.mute();
      const heard = await peer.farewell();
      expect(heard.at(-1)).toMatchObject({ code: 'peer-silent' });
    }
  });

  test('a hello that drips', async () => {
    const peer = await dialHostile(served.port, parties.peer);
    const bytes = messageFrame(JSON.stringify(hello).padEnd(4000));
    let at = 0;
    const drip = setInterval(() => {
      peer.raw(bytes.subarray(at, at + 1));
      at += 1;
    }, 30);
    await peer.farewell();
    clearInterval(drip);
  });

  test('after the welcome', async () => {
    const peer = await enter(served.port, parties.peer);
    peer.mute();
    await peer.farewell();
  });

  test('in the middle of a put, pings answered', async () => {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer('stalled.bin', 2 * mebibyte));
    await peer.hear('want');
    peer.raw(chunkFrame({ length: mebibyte }), frame(3, Buffer.alloc(1000)));
    await peer.farewell();
  });

  test('before the first chunk of a put, pings answered', async () => {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer('stalled.bin', 2 * mebibyte));
    await peer.hear('want');
    await peer.farewell();
  });

  test('after a chunk that was refused, pings answered', async () => {
    await using peer = await enter(served.port, parties.peer);
    peer.say(offer('refused.bin', 2 * mebibyte));
    await peer.hear('want');
    peer.raw(chunkFrame({ length: mebibyte }), frame(3, Buffer.alloc(mebibyte)));
    await peer.hear('fail');
    const waiting = delay(3000).then(() => 'still held' as const);
    expect(await Promise.race([peer.farewell().catch(() => 'still held'), waiting])).not.toBe(
      'still held',
    );
  });

  test('after an offer that is never answered, pings answered', async () => {
    await using peer = await enter(served.port, parties.peer);
    peer.say({ t: 'get', id: 1, path: 'large.bin' });
    await peer.hear('offer');
    const waiting = delay(3000).then(() => 'still held' as const);
    expect(await Promise.race([peer.farewell().catch(() => 'still held'), waiting])).not.toBe(
      'still held',
    );
  });
});

describe('who does not read', () => {
  test('a get: is ended, and holds little memory', async () => {
    const start = process.memoryUsage().arrayBuffers;
    await using peer = await enter(served.port, parties.peer);
    peer.say({ t: 'get', id: 1, path: 'large.bin' });
    await peer.hear('offer');
    peer.socket.pause();
    peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
    const drip = setInterval(() => {
      peer.say({ t: 'ping', n: 1 });
    }, 100);
    await delay(300);
    expect(process.memoryUsage().arrayBuffers - start).toBeLessThan(32 * mebibyte);
    await eventually('the stalled session ends', () => sessionsOver() > 0).finally(() => {
      clearInterval(drip);
    });
  });

  test.each<[string, (id: number) => object]>([
    ['pings', (n) => ({ t: 'ping', n })],
    ['unknown kinds', (id) => ({ t: 'sing', id })],
    ['lists', (id) => ({ t: 'list', id, path: '' })],
    ['gets of nothing', (id) => ({ t: 'get', id, path: `missing-${id}` })],
    ['refused offers', (id) => ({ ...offer('..'), id })],
  ])('a flood of %s: is not heard, then ended', async (_what, make) => {
    const start = process.memoryUsage().rss;
    await using peer = await enter(served.port, parties.peer);
    peer.socket.pause();
    let id = 0;
    let sent = 0;
    const deadline = Date.now() + 4000;
    for (let open = true; open && Date.now() < deadline;) {
      const batch = Buffer.concat(Array.from({ length: 500 }, () => saying(make((id += 1)))));
      sent += batch.length;
      if (peer.socket.write(batch)) continue;
      const drained = once(peer.socket, 'drain').then(
        () => true,
        () => false,
      );
      open = await Promise.race([drained, delay(600).then(() => false)]);
    }
    expect(sent, 'bytes taken without an answer read').toBeLessThan(64 * mebibyte);
    expect(process.memoryUsage().rss - start).toBeLessThan(256 * mebibyte);
    await eventually('the flooding session ends', () => sessionsOver() > 0, 4000);
  });

  let over = 0;
  const sessionsOver = (): number => count(served.events, 'client-out') - over;
  beforeEach(() => {
    over = count(served.events, 'client-out');
  });
});

describe('too many', () => {
  test('connections of one address are turned away, the others stay', async () => {
    const peers = await Promise.all(
      Array.from({ length: 12 }, () => enter(served.port, parties.peer)),
    );
    const late = await dialHostile(served.port, parties.peer);
    late.say(hello);
    expect(await late.hear('denied')).toMatchObject({ code: 'too-many-clients' });
    await late.farewell();
    for (const peer of peers) expect(await peer.lives()).toBe(true);
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  });

  test('clients in all are denied with the reason', async () => {
    const small = await serveShare(parties, { maxClients: 2 });
    const first = await enter(small.port, parties.peer);
    const second = await enter(small.port, parties.peer);
    const third = await dialHostile(small.port, parties.peer);
    third.say(hello);
    expect(await third.hear('denied')).toMatchObject({ code: 'too-many-clients' });
    await third.farewell();
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await expectServed(small);
    await small[Symbol.asyncDispose]();
  });

  test('strangers at an open door keep no known machine out', async () => {
    const limits = { maxClients: 4, maxClientsPerAddress: 2 };
    const open = await serveShare(parties, limits, { open: 'read' });
    const strangers = [
      await enter(open.port, parties.stranger),
      await enter(open.port, parties.stranger),
    ];
    const late = await dialHostile(open.port, parties.stranger);
    late.say(hello);
    expect(await late.hear('denied')).toMatchObject({ code: 'too-many-clients' });
    await late.farewell();
    const peers = [await enter(open.port, parties.peer), await enter(open.port, parties.peer)];
    for (const one of [...strangers, ...peers]) expect(await one.lives()).toBe(true);
    for (const one of [...strangers, ...peers]) await one[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
  });

  test("where all places are taken, that of a stranger is a known machine's", async () => {
    const open = await serveShare(parties, { maxClients: 2 }, { open: 'read' });
    const stranger = await enter(open.port, parties.stranger);
    const first = await enter(open.port, parties.peer);
    const second = await enter(open.port, parties.peer);
    expect(await stranger.hear('error')).toMatchObject({ code: 'too-many-clients' });
    await stranger.farewell();
    expect(await first.lives()).toBe(true);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
  });

  test('connections that come and go leave nothing behind', async () => {
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const plain = await dialPlain();
          if (i % 3 === 0) plain.socket.write(Buffer.from([0x16, 3, 1]));
          if (i % 2 === 0) plain.socket.resetAndDestroy();
          else plain.socket.destroy();
        }),
      );
      await delay(20);
    }
  });
});

test('many files in one session leave no memory behind', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await using peer = await enter(served.port, parties.peer);
  const held = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const start = held();
  for (let id = 1; id <= 60; id += 1) {
    peer.say({ t: 'get', id, path: 'large.bin' });
    await peer.hear('offer');
    peer.say({ t: 'fail', id, file: 0, code: 'cancelled', message: '' });
    await peer.hear('end');
  }
  await delay(50);
  expect(held() - start).toBeLessThan(32 * mebibyte);
});
