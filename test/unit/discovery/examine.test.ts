import { expect, test } from 'vitest';
import { examine, type Examination } from '#discovery/examine.js';
import type { OpenSocket } from '#discovery/socket.js';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { fakeSockets, type FakeSocket } from './fake-sockets.js';
import { announcement, entry, loopbackOnly } from './loopback.js';

const interfaces = () => ({ ...loopbackOnly(), e0: [entry('10.0.0.1', 24)] });
const reply = Buffer.from(encodeAnnouncement(announcement())).toString('latin1');

/** Runs an examination; what a socket is to receive is there as soon as it is open. */
async function examined(
  reactions: Readonly<Record<string, (socket: FakeSocket) => void>>,
  refused: readonly string[] = [],
): Promise<Examination & { sockets: readonly FakeSocket[] }> {
  const { open, sockets } = fakeSockets();
  const opener: OpenSocket = async (options) => {
    const place = `${options.address}:${options.port}`;
    if (refused.includes(place)) return { ok: false, code: 'EADDRINUSE' };
    const opened = await open(options);
    const socket = sockets.find((one) => one.options === options);
    if (socket) reactions[place]?.(socket);
    return opened;
  };
  const result = await examine({ port: 30_000, rounds: [0, 5], listenMs: 10, interfaces }, opener);
  for (const { disposals } of sockets) expect(disposals).toBe(1);
  return { ...result, sockets };
}

test('each address sends what a scan sends, and one more to hear itself', async () => {
  const { addresses, sockets } = await examined({});
  const sent = sockets.find(({ options }) => options.address === '10.0.0.1')?.sent ?? [];
  expect(sent).toHaveLength(6);
  expect(sent.slice(0, 3).map(({ address, port }) => `${address}:${port}`)).toEqual([
    '10.0.0.255:30000',
    '255.255.255.255:30000',
    '255.255.255.255:0',
  ]);
  expect(addresses.map(({ address }) => address)).toEqual(['127.0.0.1', '10.0.0.1']);
  expect(addresses[0]).toMatchObject({ loopback: true, ownHeard: null, ownHeardAtPort: null });
  expect(addresses[1]?.probes).toEqual([
    { destination: '10.0.0.255', code: null },
    { destination: '255.255.255.255', code: null },
  ]);
});

test('what is heard of oneself, at the port and beside it', async () => {
  const { addresses } = await examined({
    '255.255.255.255:0': (ear) => {
      ear.deliver('SERVICE DISCOVERY', '10.0.0.1', 4000);
    },
  });
  expect(addresses[1]).toMatchObject({ ownHeard: true, ownHeardAtPort: false });
});

test('answers go to the address that they came to; junk does not count', async () => {
  const { addresses } = await examined({
    '10.0.0.1:0': (socket) => {
      socket.deliver(reply, '10.0.0.9', 30_000);
      socket.deliver(reply, '10.0.0.9', 30_000);
      socket.deliver('SERVICE DISCOVERY', '10.0.0.8', 30_000);
    },
  });
  expect(addresses.map(({ answers }) => answers.map(({ address }) => address))).toEqual([
    [],
    ['10.0.0.9'],
  ]);
});

test('who asks from a network that is not ours', async () => {
  const { offLink } = await examined({
    '255.255.255.255:30000': (ear) => {
      for (const address of ['10.0.0.1', '10.0.0.7', '10.1.0.7']) {
        ear.deliver('SERVICE DISCOVERY', address, 4000);
      }
      ear.deliver('something else', '10.2.0.7', 4000);
    },
  });
  expect(offLink).toEqual(['10.1.0.7']);
});

test('a port that another program holds alone is not known about, nor is an address that cannot be bound', async () => {
  const places = ['255.255.255.255:30000', '0.0.0.0:30000', '127.0.0.1:0'];
  const { addresses } = await examined({}, places);
  expect(addresses[0]).toMatchObject({ bindError: 'EADDRINUSE', probes: [] });
  expect(addresses[1]).toMatchObject({ bindError: null, ownHeardAtPort: null, ownHeard: false });
});

test('a socket of IPv6 cannot broadcast, and is not asked to', async () => {
  const { open, sockets } = fakeSockets();
  const link = () => ({ e0: [entry('10.0.0.1', 24), entry('fe80::1', 64)] });
  await examine({ port: 30_000, rounds: [0], listenMs: 10, interfaces: link }, open);
  const six = sockets.find(({ options }) => options.address === 'fe80::1%e0');
  expect(six?.sent.map(({ address }) => address)).toEqual(['ff12::7530%e0']);
  expect(six?.options.broadcast).toBe(false);
});
