import { expect, onTestFinished, test, vi } from 'vitest';
import type { InterfaceTable } from '#discovery/addresses.js';
import { createProbing, type Probing } from '#discovery/probing.js';
import { fakeSockets, type FakeSocket } from './fake-sockets.js';
import { entry, loopbackOnly } from './loopback.js';

const table: InterfaceTable = {
  ...loopbackOnly(),
  eth0: [entry('192.168.1.20', 24), entry('fe80::1', 64)],
};

function probing(
  known: readonly string[] = [],
  isCrowded = () => false,
): {
  probing: Probing;
  sockets: FakeSocket[];
  sentFrom: (local: string) => string[];
} {
  const { open, sockets } = fakeSockets();
  const created = createProbing({
    port: 30000,
    known,
    interfaces: () => table,
    observe: () => undefined,
    now: () => 0,
    open,
    isCrowded,
    onDatagram: () => undefined,
    onDropped: () => undefined,
  });
  onTestFinished(() => created[Symbol.asyncDispose]());
  const sentFrom = (local: string): string[] =>
    sockets
      .filter(({ options }) => options.address === local)
      .flatMap(({ sent }) => sent.map(({ address, port }) => `${address} ${port}`));
  return { probing: created, sockets, sentFrom };
}

test('a round asks the known servers first, then every network and link', async () => {
  const known = ['10.9.9.9', 'fd00::9', 'fe80::9'];
  const { probing: one, sockets, sentFrom } = probing(known);
  one.round();
  await vi.waitFor(() => {
    expect(sentFrom('fe80::1%eth0')).toEqual(['ff12::7530%eth0 30000']);
  });
  expect(sockets.map(({ options }) => options.address)).toEqual([
    '0.0.0.0',
    '::',
    '127.0.0.1',
    '192.168.1.20',
    'fe80::1%eth0',
  ]);
  expect(sentFrom('0.0.0.0')).toEqual(['10.9.9.9 30000']);
  expect(sentFrom('::')).toEqual(['fd00::9 30000']);
  expect(sentFrom('192.168.1.20')).toEqual(['192.168.1.255 30000', '255.255.255.255 30000']);
  expect(sockets.map(({ options }) => options.broadcast)).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
});

test('where very many have answered already, links are not asked too', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let crowded = true;
  const { probing: one, sentFrom } = probing([], () => crowded);
  one.round();
  await vi.advanceTimersByTimeAsync(1000);
  expect(sentFrom('192.168.1.20')).toHaveLength(2);
  expect(sentFrom('fe80::1%eth0')).toEqual([]);
  crowded = false;
  one.round();
  await vi.advanceTimersByTimeAsync(1000);
  expect(sentFrom('fe80::1%eth0')).toHaveLength(1);
});

test('whom it is told to ask is asked from the socket of its network, else from any', async () => {
  const { probing: one, sockets, sentFrom } = probing();
  one.round();
  const asked = ['192.168.1.7', 'fe80::7%eth0', '10.9.9.9', 'fd00::9'];
  await one.ask(asked.map((address) => ({ address, port: 1234 })));
  expect(sentFrom('192.168.1.20')).toContain('192.168.1.7 1234');
  expect(sentFrom('fe80::1%eth0')).toContain('fe80::7%eth0 1234');
  expect(sentFrom('0.0.0.0')).toEqual(['10.9.9.9 1234']);
  expect(sentFrom('::')).toEqual(['fd00::9 1234']);
  expect(sockets).toHaveLength(5);
});

test('what is asked after the end is not sent, and harms nobody', async () => {
  const { probing: one, sockets } = probing();
  await one[Symbol.asyncDispose]();
  await one.ask([{ address: '192.168.1.7', port: 1 }]);
  expect(sockets).toEqual([]);
});
