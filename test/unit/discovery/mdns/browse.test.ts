import { expect, onTestFinished, test, vi } from 'vitest';
import { neighbourhoodOf, type InterfaceTable } from '#discovery/addresses.js';
import { createBrowsing } from '#discovery/mdns/browse.js';
import { maxMessagesPerSource } from '#discovery/mdns/reading.js';
import type { Hit } from '#discovery/mdns/neighbour.js';
import { encodeQuery, whoIsThere } from '#discovery/mdns/question.js';
import { fakeSockets, type FakeSocket } from '../fake-sockets.js';
import { entry, idOf, loopbackOnly, recorder } from '../loopback.js';
import { address, answer, facts, place, pointer, whole } from './answers.js';

const eth0 = [entry('10.0.0.1', 24), entry('fe80::1', 64)];
const table: InterfaceTable = { ...loopbackOnly(), eth0, eth1: [entry('10.0.1.1', 24)] };

type Events = ReturnType<typeof recorder>;

interface Browsed {
  readonly sockets: readonly FakeSocket[];
  readonly of: Events['of'];
  readonly hits: { source: string; hits: readonly Hit[] }[];
  readonly excess: { readonly count: number };
  readonly round: () => void;
}

function setUp(refuse: string[] = [], interfaces: InterfaceTable = table): Browsed {
  const fake = fakeSockets(refuse);
  const { observe, of } = recorder();
  const hits: Browsed['hits'] = [];
  const excess = { count: 0 };
  const browsing = createBrowsing({
    interfaces: () => interfaces,
    neighbourhood: neighbourhoodOf(interfaces),
    observe,
    open: fake.open,
    onHits: (found, source) => void hits.push({ source, hits: found }),
    onExcess: () => void (excess.count += 1),
  });
  onTestFinished(async () => {
    await browsing[Symbol.asyncDispose]();
    for (const { disposals } of fake.sockets) expect(disposals).toBe(1);
  });
  return {
    sockets: fake.sockets,
    of,
    hits,
    excess,
    round: () => {
      browsing.round();
    },
  };
}

function hear(socket: FakeSocket, message: Buffer, source: string, port = 5353): void {
  socket.deliver(message.toString('latin1'), source, port);
}

/** Asks once, and gives the socket of the first network. */
async function asking({ round, sockets }: Browsed, count = 2): Promise<FakeSocket> {
  round();
  await vi.waitFor(() => {
    expect(sockets.filter(({ sent }) => sent.length > 0)).toHaveLength(count);
  });
  return sockets[0]!;
}

/** A whole answer that is heard after all that was delivered before. */
async function lastAnswer({ hits }: Browsed, socket: FakeSocket): Promise<void> {
  hear(socket, whole('10.0.0.200'), '10.0.0.200');
  await vi.waitFor(() => {
    expect(hits.at(-1)?.source).toBe('10.0.0.200');
  });
}

test('asks on each network from the port of mDNS, joined there, never on loopback', async () => {
  const { sockets, round } = setUp();
  round();
  round();
  await vi.waitFor(() => {
    expect(sockets.map(({ sent }) => sent.length)).toEqual([2, 2]);
  });
  const query = encodeQuery([whoIsThere], { unicast: false });
  sockets.forEach(({ options, joins, sent }, i) => {
    const local = `10.0.${i}.1`;
    expect(options).toMatchObject({ port: 5353, reuseAddr: true, multicastFrom: local });
    expect(options).toMatchObject({ multicastHops: 255, maxBytes: 9000 });
    expect(joins).toEqual([{ group: '224.0.0.251', on: local }]);
    expect(sent[0]).toEqual({ bytes: query, port: 5353, address: '224.0.0.251' });
  });
});

test('where the port is taken, asks for answers to a port of its own', async () => {
  const browsed = setUp(['EADDRINUSE'], { eth0 });
  const socket = await asking(browsed, 1);
  expect(socket.options).toMatchObject({ port: 0, reuseAddr: false });
  expect(socket.joins).toEqual([]);
  expect(socket.sent[0]!.bytes).toEqual(encodeQuery([whoIsThere], { unicast: true }));
  expect(browsed.of('socket-failed')).toMatchObject([{ role: 'mdns', code: 'EADDRINUSE' }]);
  await lastAnswer(browsed, socket);
});

test('an interface that can do nothing is an event, the other goes on', async () => {
  const browsed = setUp(['EADDRINUSE', 'ENODEV', 'EACCES']);
  await asking(browsed, 1);
  expect(browsed.of('socket-failed').map(({ code }) => code)).toEqual([
    'EADDRINUSE',
    'ENODEV',
    'EACCES',
  ]);
});

test('an interface that could do nothing at first is tried again', async () => {
  const browsed = setUp(['EADDRINUSE', 'ENODEV'], { eth0 });
  browsed.round();
  await vi.waitFor(() => {
    expect(browsed.of('socket-failed')).toHaveLength(2);
  });
  await asking(browsed, 1);
});

test('a socket that fails is opened anew in the next round', async () => {
  const browsed = setUp([], { eth0 });
  const first = await asking(browsed, 1);
  first.fail('ENETDOWN');
  await vi.waitFor(() => {
    expect(first.disposals).toBe(1);
  });
  browsed.round();
  await vi.waitFor(() => {
    expect(browsed.sockets[1]?.sent).toHaveLength(1);
  });
});

test('two interfaces in one network both hear', async () => {
  const both = { eth0, wlan0: [entry('10.0.0.2', 24)] };
  const browsed = setUp([], both);
  await asking(browsed);
  hear(browsed.sockets[1]!, whole('10.0.0.9'), '10.0.0.9');
  await vi.waitFor(() => {
    expect(browsed.hits.map(({ source }) => source)).toEqual(['10.0.0.9']);
  });
});

test('what is missing is asked for once, on the same network', async () => {
  const browsed = setUp();
  const first = await asking(browsed);
  hear(first, answer([pointer()]), '10.0.0.9');
  hear(first, answer([pointer()]), '10.0.0.9');
  await vi.waitFor(() => {
    expect(first.sent).toHaveLength(2);
  });
  hear(first, answer([place(), facts()]), '10.0.0.9');
  await vi.waitFor(() => {
    expect(first.sent).toHaveLength(3);
  });
  expect(browsed.hits).toEqual([]);
  hear(first, answer([address('10.0.0.9')]), '10.0.0.9');
  await lastAnswer(browsed, first);
  expect(browsed.hits[0]).toMatchObject({
    source: '10.0.0.9',
    hits: [{ addresses: ['10.0.0.9'] }],
  });
  expect(browsed.sockets[1]!.sent).toHaveLength(1);
});

test('only sources of the own network count, and only from the port of mDNS', async () => {
  const browsed = setUp();
  const first = await asking(browsed);
  hear(first, whole('10.0.0.9'), '203.0.113.9');
  hear(first, whole('10.0.0.9'), '10.9.9.9');
  hear(first, whole('10.0.0.9'), '10.0.0.9', 5354);
  hear(first, whole('127.0.0.1'), '127.0.0.1');
  hear(first, whole('10.0.1.9'), '10.0.1.9');
  await lastAnswer(browsed, first);
  expect(browsed.hits).toHaveLength(1);
});

test.each(['203.0.113.9', '127.0.0.1', '224.0.0.1', '255.255.255.255', 'fe80::9', '::1'])(
  'nobody is sent to %s',
  async (somewhere) => {
    const browsed = setUp();
    const first = await asking(browsed);
    hear(first, whole(somewhere), '10.0.0.8');
    await lastAnswer(browsed, first);
    expect(browsed.hits[0]).toMatchObject({ source: '10.0.0.8', hits: [{ addresses: [] }] });
  },
);

test('a source cannot speak for another, nor without end', async () => {
  const browsed = setUp();
  const first = await asking(browsed);
  hear(first, answer([pointer(), facts()]), '10.0.0.9');
  hear(first, answer([place(), address('10.0.0.66')]), '10.0.0.66');
  for (let i = 0; i < 500; i += 1) {
    const id = idOf('0').slice(3) + String(i).padStart(3, '0');
    hear(first, whole('10.0.0.66', { id }), '10.0.0.66');
  }
  await lastAnswer(browsed, first);
  const from = (source: string): number =>
    browsed.hits.filter((found) => found.source === source).length;
  expect(from('10.0.0.9')).toBe(0);
  expect(from('10.0.0.66')).toBe(maxMessagesPerSource - 1);
  expect(browsed.excess.count).toBe(501 - maxMessagesPerSource);
});

test('who is heard on two interfaces may not say twice as much', async () => {
  const browsed = setUp([], { eth0, wlan0: [entry('10.0.0.2', 24)] });
  await asking(browsed);
  for (let i = 0; i < 100; i += 1) {
    for (const socket of browsed.sockets) hear(socket, whole('10.0.0.66'), '10.0.0.66');
  }
  await vi.waitFor(() => {
    expect(browsed.excess.count).toBe(200 - maxMessagesPerSource);
  });
  const from = browsed.hits.filter(({ source }) => source === '10.0.0.66');
  expect(from).toHaveLength(maxMessagesPerSource);
});
