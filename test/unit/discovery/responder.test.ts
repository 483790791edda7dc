import { once } from 'node:events';
import type { Socket } from 'node:dgram';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { InterfaceTable } from '#discovery/addresses.js';
import { startResponder, type Responder, type ResponderOptions } from '#discovery/responder.js';
import type { OpenSocket } from '#discovery/socket.js';
import { decodeReply, encodeAnnouncement } from '#discovery/wire/announcement.js';
import { fakeSockets, type FakeSocket } from './fake-sockets.js';
import { announcement, entry, foreignSocket, loopbackOnly, recorder, scanAll } from './loopback.js';

afterEach(() => {
  vi.useRealTimers();
});

async function started(changes: Partial<ResponderOptions> = {}, open?: OpenSocket) {
  const record = recorder();
  const responder: Responder = await startResponder(
    {
      port: 0,
      announcement,
      observe: record.observe,
      interfaces: loopbackOnly,
      random: () => 0,
      ...changes,
    },
    open,
  );
  onTestFinished(() => responder[Symbol.asyncDispose]());
  return { responder, port: record.of('responder-listening')[0]?.port ?? 0, ...record };
}

async function searcher(): Promise<{ socket: Socket; received: Buffer[] }> {
  const socket = await foreignSocket();
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  onTestFinished(() => void socket.close());
  return { socket, received };
}

describe('on a real socket', () => {
  test('answers a probe with its announcement', async () => {
    const { responder, port } = await started();
    const { socket } = await searcher();
    expect(responder.state()).toBe('listening');
    socket.send('SERVICE DISCOVERY', port, '127.0.0.1');
    const [bytes] = (await once(socket, 'message')) as [Buffer];
    expect(decodeReply(bytes)).toMatchObject({ announcement: announcement() });
  });

  test('announces what is true now, not what was at the start', async () => {
    let port = 30001;
    const { port: udp } = await started({ announcement: () => announcement({ port }) });
    const { socket } = await searcher();
    port = 30007;
    socket.send('SERVICE DISCOVERY', udp, '127.0.0.1');
    const [bytes] = (await once(socket, 'message')) as [Buffer];
    expect(decodeReply(bytes)).toMatchObject({ announcement: { port: 30007 } });
  });

  test('a flood from one source gets at most its burst, and the next second goes on', async () => {
    const { port, of, responder } = await started();
    const { socket, received } = await searcher();
    for (let i = 0; i < 500; i += 1) {
      socket.send('SERVICE DISCOVERY', port, '127.0.0.1');
      if (i % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await vi.waitFor(() => {
      expect(received.length).toBeGreaterThan(0);
    });
    await responder[Symbol.asyncDispose]();
    // 10 at once and 5 a second; a slow machine may have needed a few seconds for the flood.
    expect(of('responder-ended')[0]?.answered).toBeLessThanOrEqual(40);
  });

  test('junk, replies and oversized datagrams are counted and not answered', async () => {
    const { port, responder, of } = await started();
    const { socket, received } = await searcher();
    const junk = [
      Buffer.from('service discovery'),
      Buffer.alloc(0),
      encodeAnnouncement(announcement()),
      Buffer.alloc(20_000, 'SERVICE DISCOVERY '),
    ];
    for (const bytes of junk) socket.send(bytes, port, '127.0.0.1');
    socket.send('SERVICE DISCOVERY', port, '127.0.0.1');
    await once(socket, 'message');
    await responder[Symbol.asyncDispose]();
    expect(received).toHaveLength(1);
    expect(of('responder-ended')[0]).toMatchObject({ answered: 1, dropped: { malformed: 4 } });
    expect(of('probes-dropped')).toEqual([
      { kind: 'probes-dropped', reason: 'malformed', count: 1 },
    ]);
  });

  test('two servers share the port and both answer a broadcast', async () => {
    const first = await started({ announcement: () => announcement({ run: 'run00001' }) });
    await started({
      port: first.port,
      announcement: () => announcement({ run: 'run00002', port: 30002 }),
    });
    const found = await scanAll(first.port, () => undefined);
    expect(found.map(({ server }) => server.run).sort()).toEqual(['run00001', 'run00002']);
  });

  test('a port that another program owns alone is told, and taken as soon as it is free', async () => {
    const owner = await foreignSocket(0, '0.0.0.0');
    const { port } = owner.address();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { responder, of } = await started({ port });
    expect(responder.state()).toBe('port-taken');
    await vi.advanceTimersByTimeAsync(5000);
    owner.close();
    await once(owner, 'close');
    await vi.advanceTimersByTimeAsync(5000);
    vi.useRealTimers();
    await vi.waitFor(() => {
      expect(responder.state()).toBe('listening');
    });
    expect(of('port-taken')).toEqual([
      { kind: 'port-taken', address: '0.0.0.0', port, retryMs: 5000 },
    ]);
  });

  test('the end can be asked for twice, is told once and frees the port', async () => {
    const { responder, port, of } = await started();
    await Promise.all([responder[Symbol.asyncDispose](), responder[Symbol.asyncDispose]()]);
    expect(of('responder-ended')).toHaveLength(1);
    const next = await foreignSocket(port, '0.0.0.0');
    next.close();
  });
});

describe('against forged datagrams and failing systems', () => {
  const probe = 'SERVICE DISCOVERY';
  const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 20));

  test('a source port of 0 is dropped, the next probe is answered', async () => {
    const fake = fakeSockets();
    const { of } = await started({}, fake.open);
    const [socket] = fake.sockets;
    socket!.deliver(probe, '127.0.0.1', 0);
    socket!.deliver(probe, '127.0.0.1', 5000);
    await vi.waitFor(() => {
      expect(socket!.sent).toHaveLength(1);
    });
    expect(socket!.sent[0]?.port).toBe(5000);
    expect(of('probes-dropped')[0]).toMatchObject({ reason: 'source-port-zero' });
  });

  test.each(['203.0.113.7', '8.8.8.8', '255.255.255.255', '224.0.0.1', '0.0.0.0'])(
    'a source of %s is not answered',
    async (address) => {
      const fake = fakeSockets();
      const { of } = await started({}, fake.open);
      fake.sockets[0]!.deliver(probe, address, 5000);
      await settled();
      expect(fake.sockets[0]!.sent).toEqual([]);
      expect(of('probes-dropped')[0]).toMatchObject({ reason: 'off-link', count: 1 });
    },
  );

  test('shares the port, and cannot be made to broadcast', async () => {
    const fake = fakeSockets();
    await started({ port: 30000 }, fake.open);
    expect(fake.sockets[0]!.options).toMatchObject({
      address: '0.0.0.0',
      port: 30000,
      reuseAddr: true,
      broadcast: false,
    });
  });

  test('a send error is told once a minute with what gathered', async () => {
    let clock = 0;
    const fake = fakeSockets();
    const { of } = await started({ now: () => clock }, fake.open);
    const socket = fake.sockets[0]!;
    socket.sendCode = 'ENETUNREACH';
    const ask = async (port: number): Promise<void> => {
      const before = socket.sent.length;
      socket.deliver(probe, '127.0.0.1', port);
      await vi.waitFor(() => {
        expect(socket.sent.length).toBe(before + 1);
      });
    };
    await ask(1001);
    await ask(1002);
    expect(of('send-failed')).toMatchObject([{ code: 'ENETUNREACH', count: 1 }]);
    clock = 60_000;
    await ask(1003);
    expect(of('send-failed')).toMatchObject([{ count: 1 }, { count: 2 }]);
  });

  test('no waiting reply leaves after the end', async () => {
    const fake = fakeSockets();
    const { responder } = await started({ random: () => 0.99 }, fake.open);
    fake.sockets[0]!.deliver(probe, '127.0.0.1', 5000);
    await Promise.resolve();
    await responder[Symbol.asyncDispose]();
    await settled();
    expect(fake.sockets[0]!.sent).toEqual([]);
  });

  test('a failed socket is replaced after 1, 2, 4 seconds and so on, at most 30', async () => {
    vi.useFakeTimers();
    const refusals = Array.from({ length: 6 }, () => 'ENOBUFS');
    const fake = fakeSockets();
    const { responder, of } = await started({ now: () => 0 }, (options) =>
      fake.sockets.length === 1 && refusals.length > 0
        ? Promise.resolve({ ok: false, code: refusals.pop()! })
        : fake.open(options),
    );
    fake.sockets[0]!.fail('ECONNRESET');
    await vi.advanceTimersByTimeAsync(0);
    expect(responder.state()).toBe('rebuilding');
    expect(fake.sockets[0]!.disposals).toBeGreaterThan(0);
    // 1 + 2 + 4 + 8 + 16 + 30 seconds bring six refusals, 30 more the new socket.
    await vi.advanceTimersByTimeAsync(61_000 + 29_999);
    expect(responder.state()).toBe('rebuilding');
    await vi.advanceTimersByTimeAsync(1);
    expect(responder.state()).toBe('listening');
    expect(fake.sockets).toHaveLength(2);
    expect(of('socket-failed')).toMatchObject([
      { code: 'ECONNRESET', retryMs: 1000 },
      { code: 'ENOBUFS', retryMs: 2000 },
    ]);
    fake.sockets[1]!.deliver(probe, '127.0.0.1', 5000);
    await vi.advanceTimersByTimeAsync(20);
    expect(fake.sockets[1]!.sent).toHaveLength(1);
  });

  test('it can be ended while it waits for its port', async () => {
    const { responder, of } = await started({}, fakeSockets(['EADDRINUSE']).open);
    await responder[Symbol.asyncDispose]();
    expect(of('responder-ended')).toHaveLength(1);
  });

  test('a socket that opens while it ends is closed again', async () => {
    vi.useFakeTimers();
    const fake = fakeSockets();
    let release = (): void => undefined;
    let attempts = 0;
    const { responder, of } = await started({}, async (options) => {
      attempts += 1;
      if (attempts === 1) return { ok: false, code: 'EADDRINUSE' };
      await new Promise<void>((resolve) => (release = resolve));
      return fake.open(options);
    });
    await vi.advanceTimersByTimeAsync(5000);
    const ended = responder[Symbol.asyncDispose]();
    release();
    await ended;
    expect(fake.sockets[0]!.disposals).toBeGreaterThan(0);
    expect(of('responder-listening')).toEqual([]);
  });
});

describe('IPv6', () => {
  const link = (address = 'fe80::1') => [entry(address, 64)];
  const families = (sockets: readonly FakeSocket[]) =>
    sockets.map(({ options }) => options.address);

  test('is listened to on the same port, on each link, and shares one budget with IPv4', async () => {
    const fake = fakeSockets();
    const interfaces = () => ({ eth0: link(), eth1: link('fe80::2'), tun0: link('fd00::1') });
    const { of } = await started({ port: 30000, interfaces }, fake.open);
    const [ipv4, ipv6] = fake.sockets;
    expect(families(fake.sockets)).toEqual(['0.0.0.0', '::']);
    expect(ipv6!.options).toMatchObject({ port: 30000, reuseAddr: true, broadcast: false });
    expect(ipv6!.joins).toEqual([
      { group: 'ff12::7530', on: '::%eth0' },
      { group: 'ff12::7530', on: '::%eth1' },
    ]);
    expect(of('responder-listening').map(({ address }) => address)).toEqual(['0.0.0.0', '::']);
    for (let i = 0; i < 300; i += 1) {
      ipv4!.deliver('SERVICE DISCOVERY', `10.0.${i >> 8}.${i & 255}`, 5000);
      ipv6!.deliver('SERVICE DISCOVERY', `fe80::${i.toString(16)}%eth0`, 5000);
    }
    await vi.waitFor(() => {
      expect(ipv4!.sent.length + ipv6!.sent.length).toBeGreaterThanOrEqual(500);
    });
    // 500 at once; a slow machine may have gained some more meanwhile.
    expect(ipv4!.sent.length + ipv6!.sent.length).toBeLessThan(600);
    expect(ipv6!.sent[0]?.address).toBe('fe80::0%eth0');
  });

  test('a link that comes later is joined, and one that was made anew once more', async () => {
    vi.useFakeTimers();
    const fake = fakeSockets();
    let table: InterfaceTable = loopbackOnly();
    await started({ interfaces: () => table }, fake.open);
    await vi.advanceTimersByTimeAsync(5000);
    expect(families(fake.sockets)).toEqual(['0.0.0.0']);
    table = { ...loopbackOnly(), eth0: link() };
    await vi.advanceTimersByTimeAsync(5000);
    expect(families(fake.sockets)).toEqual(['0.0.0.0', '::']);
    expect(fake.sockets[1]!.joins).toHaveLength(1);
    table = { ...table, eth1: link('fe80::2') };
    await vi.advanceTimersByTimeAsync(5000);
    expect(fake.sockets[1]!.joins.map(({ on }) => on)).toEqual(['::%eth0', '::%eth0', '::%eth1']);
  });

  test('its failures are events, and IPv4 answers all the same', async () => {
    vi.useFakeTimers();
    const fake = fakeSockets();
    let refusals = 1;
    const open: OpenSocket = (options) =>
      options.address === '::' && refusals-- > 0
        ? Promise.resolve({ ok: false, code: 'EAFNOSUPPORT' })
        : fake.open(options);
    const { responder, of } = await started({ interfaces: () => ({ eth0: link() }) }, open);
    expect(responder.state()).toBe('listening');
    expect(of('socket-failed')).toMatchObject([{ address: '::', code: 'EAFNOSUPPORT' }]);
    await vi.advanceTimersByTimeAsync(1000);
    const ipv6 = fake.sockets[1]!;
    ipv6.joinCode = 'ENODEV';
    await vi.advanceTimersByTimeAsync(5000);
    await vi.advanceTimersByTimeAsync(5000);
    expect(of('join-failed')).toEqual([
      { kind: 'join-failed', zone: 'eth0', code: 'ENODEV', count: 1 },
    ]);
    fake.sockets[0]!.deliver('SERVICE DISCOVERY', '127.0.0.1', 5000);
    await vi.advanceTimersByTimeAsync(20);
    expect(fake.sockets[0]!.sent).toHaveLength(1);
  });

  test('when the system has no place for one more link, a new socket forgets the old ones', async () => {
    vi.useFakeTimers();
    const fake = fakeSockets();
    await started({ interfaces: () => ({ eth0: link() }) }, fake.open);
    fake.sockets[1]!.joinCode = 'ENOMEM';
    await vi.advanceTimersByTimeAsync(6000);
    expect(families(fake.sockets)).toEqual(['0.0.0.0', '::', '::']);
    expect(fake.sockets[1]!.disposals).toBeGreaterThan(0);
    expect(fake.sockets[2]!.joins).toHaveLength(1);
    // Where there is no place for the new one either, it is made anew after a longer time.
    fake.sockets[2]!.joinCode = 'ENOMEM';
    await vi.advanceTimersByTimeAsync(5900);
    expect(fake.sockets).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(100);
    expect(families(fake.sockets)).toEqual(['0.0.0.0', '::', '::', '::']);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(fake.sockets).toHaveLength(4);
  });

  test('both are closed at the end', async () => {
    const fake = fakeSockets();
    const { responder } = await started({ interfaces: () => ({ eth0: link() }) }, fake.open);
    await responder[Symbol.asyncDispose]();
    expect(fake.sockets.map(({ disposals }) => disposals > 0)).toEqual([true, true]);
  });
});
