import { expect, onTestFinished, test, vi } from 'vitest';
import type { InterfaceTable } from '#discovery/addresses.js';
import { startAnnouncer } from '#discovery/mdns/announcer.js';
import type { AnnouncingEvents, StartAnnouncing } from '#discovery/mdns/ciao.js';
import type { Order } from '#discovery/mdns/ciao-order.js';
import { fakeSockets } from '../fake-sockets.js';
import { announcement, entry, idOf, loopbackOnly, recorder } from '../loopback.js';

interface Started {
  readonly order: Order;
  readonly events: AnnouncingEvents;
  readonly end: (reason: string | null) => void;
  stops: number;
}

interface Announced {
  readonly started: readonly Started[];
  readonly of: ReturnType<typeof recorder>['of'];
  readonly announcer: AsyncDisposable;
}

async function setUp(interfaces: () => InterfaceTable, refuse: string[] = []): Promise<Announced> {
  const started: Started[] = [];
  const { observe, of } = recorder();
  const start: StartAnnouncing = (order, events) => {
    let end: Started['end'] = () => undefined;
    const ended = new Promise<string | null>((resolve) => (end = resolve));
    const one: Started = { order, events, end, stops: 0 };
    started.push(one);
    const stop = (): void => {
      one.stops += 1;
      end(null);
    };
    return { ended, stop };
  };
  vi.useFakeTimers();
  const said = announcement({ name: 'Dr. Amber', port: 30005 });
  const options = { announcement: () => said, observe, interfaces, now: () => Date.now() };
  const announcer = startAnnouncer(options, start, fakeSockets(refuse).open);
  onTestFinished(async () => {
    await announcer[Symbol.asyncDispose]();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
  await vi.advanceTimersByTimeAsync(0);
  return { started, of, announcer };
}

const wired = (): InterfaceTable => ({ ...loopbackOnly(), eth0: [entry('10.0.0.1', 24)] });

test('announces on each interface by its own name, under a host name of its own', async () => {
  const { started, of } = await setUp(() => ({
    ...wired(),
    'eth0:1': [entry('10.0.9.1', 24)],
    wlan0: [entry('192.168.1.5', 24), entry('fe80::5', 64)],
    only6: [entry('fe80::6', 64)],
  }));
  expect(started.map(({ order }) => order)).toEqual([
    {
      interfaces: ['eth0', 'wlan0'],
      name: 'Dr- Amber',
      host: `lanpost-${'a'.repeat(16)}-30005`,
      port: 30005,
      facts: { v: '1', id: idOf('A'), run: 'run00000', code: '1', n: 'Dr. Amber' },
    },
  ]);
  started[0]!.events.onAnnounced('Dr- Amber (2)');
  expect(of('mdns-announced')).toMatchObject([
    { name: 'Dr- Amber (2)', interfaces: ['eth0', 'wlan0'] },
  ]);
});

test('is made anew when the interfaces change', async () => {
  let table = wired();
  const { started, of } = await setUp(() => table);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(started).toHaveLength(1);
  table = { ...wired(), eth1: [entry('10.0.1.1', 24)] };
  await vi.advanceTimersByTimeAsync(15_000);
  expect(started.map(({ order }) => order.interfaces)).toEqual([['eth0'], ['eth0', 'eth1']]);
  expect(started[0]!.stops).toBe(1);
  table = { ...loopbackOnly(), eth0: [entry('10.0.0.77', 24)] };
  await vi.advanceTimersByTimeAsync(15_000);
  expect(started).toHaveLength(3);
  expect(of('mdns-failed')).toEqual([]);
});

test('is made anew when they changed while it was made', async () => {
  const tables = [wired()];
  const later = { ...wired(), eth1: [entry('10.0.1.1', 24)] };
  const { started } = await setUp(() => tables.shift() ?? later);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(started.map(({ order }) => order.interfaces)).toEqual([['eth0'], ['eth0', 'eth1']]);
});

test('without a network it waits for one', async () => {
  let table = loopbackOnly();
  const { started } = await setUp(() => table);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(started).toEqual([]);
  table = wired();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(started).toHaveLength(1);
});

test('a failure is an event, and tried again at longer and longer intervals', async () => {
  const { started, of } = await setUp(wired);
  started[0]!.end('one');
  await vi.advanceTimersByTimeAsync(4999);
  expect(started).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(started).toHaveLength(2);
  started[1]!.end('two');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(started).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(60_000);
  started[2]!.end('crash');
  await vi.advanceTimersByTimeAsync(1);
  expect(of('mdns-failed').map(({ reason, retryMs }) => [reason, retryMs])).toEqual([
    ['one', 5000],
    ['two', 10_000],
    ['crash', 5000],
  ]);
});

test('a port that cannot be shared is told once, and tried again', async () => {
  const { started, of } = await setUp(wired, ['EADDRINUSE', 'EADDRINUSE']);
  await vi.advanceTimersByTimeAsync(5000);
  expect(started).toEqual([]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(started).toHaveLength(1);
  expect(of('mdns-failed')).toEqual([
    { kind: 'mdns-failed', reason: 'UDP port 5353 cannot be shared (EADDRINUSE)', retryMs: 5000 },
  ]);
});

test('trouble that it survives is told once a minute', async () => {
  const { started, of } = await setUp(wired);
  for (let i = 0; i < 100; i += 1) started[0]!.events.onTrouble('noise');
  await vi.advanceTimersByTimeAsync(60_000);
  started[0]!.events.onTrouble('noise');
  expect(of('mdns-failed')).toMatchObject([
    { reason: 'noise', retryMs: null },
    { reason: 'noise', retryMs: null },
  ]);
});

test('disposing takes it back', async () => {
  const { started, announcer } = await setUp(wired);
  await announcer[Symbol.asyncDispose]();
  expect(started[0]!.stops).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(started).toHaveLength(1);
});

test('disposing ends the wait for another attempt', async () => {
  const { started, announcer } = await setUp(wired);
  started[0]!.end('crash');
  await vi.advanceTimersByTimeAsync(1);
  await announcer[Symbol.asyncDispose]();
  expect(started).toHaveLength(1);
});

test('a system that gives no thread is told, and asked again', async () => {
  vi.useFakeTimers();
  const { observe, of } = recorder();
  let asked = 0;
  const announcer = startAnnouncer(
    { announcement, observe, interfaces: wired, now: () => Date.now() },
    () => {
      asked += 1;
      throw new Error('no thread');
    },
    fakeSockets().open,
  );
  await vi.advanceTimersByTimeAsync(5001);
  expect(asked).toBe(2);
  expect(of('mdns-failed')).toMatchObject([{ reason: 'Error: no thread', retryMs: 5000 }]);
  await announcer[Symbol.asyncDispose]();
  vi.useRealTimers();
});
