import type { Socket } from 'node:dgram';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startResponder } from '#discovery/responder.js';
import { scan, type Finding, type ScanOptions } from '#discovery/scanner.js';
import { openSocket, type OpenSocket } from '#discovery/socket.js';
import { encodeAnnouncement, type Announcement } from '#discovery/wire/announcement.js';
import { fakeSockets } from './fake-sockets.js';
import {
  announcement,
  entry,
  hostileServer,
  idOf,
  loopbackOnly,
  recorder,
  scanAll,
} from './loopback.js';

async function server(changes: Partial<Announcement> = {}, port = 0): Promise<number> {
  const { observe, of } = recorder();
  const responder = await startResponder({
    port,
    announcement: () => announcement(changes),
    observe,
    interfaces: loopbackOnly,
  });
  onTestFinished(() => responder[Symbol.asyncDispose]());
  return of('responder-listening')[0]!.port;
}

async function hostile(...replies: (string | Uint8Array)[]): Promise<number> {
  const socket: Socket = await hostileServer(() =>
    replies.map((reply) => (typeof reply === 'string' ? Buffer.from(reply) : reply)),
  );
  onTestFinished(() => void socket.close());
  return socket.address().port;
}

/** The real thing, counting what is open. */
function countingSockets(): { open: OpenSocket; openNow: () => number } {
  let count = 0;
  return {
    openNow: () => count,
    open: async (options) => {
      const opened = await openSocket(options);
      if (!opened.ok) return opened;
      const { socket } = opened;
      count += 1;
      let closed = false;
      const close = async (): Promise<void> => {
        await socket[Symbol.asyncDispose]();
        if (!closed) count -= 1;
        closed = true;
      };
      return { ok: true, socket: { ...socket, [Symbol.asyncDispose]: close } };
    },
  };
}

describe('finding', () => {
  test('each server once, and the last event sums up', async () => {
    const port = await server();
    await server({ id: idOf('B'), name: 'Basil', port: 30002 }, port);
    const { observe, of, events } = recorder();
    const found = await scanAll(port, observe, { timeoutMs: 1500 });
    expect(found.map(({ kind, server: { name } }) => [kind, name]).sort()).toEqual([
      ['server', 'Amber'],
      ['server', 'Basil'],
    ]);
    expect(of('scan-ended')).toMatchObject([
      {
        servers: 2,
        malformed: 0,
        excess: 0,
        dropped: 0,
        probes: 8,
        sockets: 1,
        sendErrors: {},
        interfaces: [],
        loopback: true,
      },
    ]);
    expect(events.at(-1)?.kind).toBe('scan-ended');
  });

  test('nobody there: nothing found, the whole time is used', async () => {
    const { observe, of } = recorder();
    const port = await hostile();
    expect(await scanAll(port, observe)).toEqual([]);
    expect(of('scan-ended')[0]?.elapsedMs).toBeGreaterThanOrEqual(299);
  });

  test('ends at once when it is enough', async () => {
    const port = await server();
    const { observe, of } = recorder();
    const found = await scanAll(port, observe, {
      timeoutMs: 10_000,
      enough: (servers) => servers.some(({ name }) => name === 'Amber'),
    });
    expect(found).toHaveLength(1);
    expect(of('scan-ended')[0]?.elapsedMs).toBeLessThan(5000);
  });

  test('ends early when it has become quiet', async () => {
    const port = await server();
    const { observe, of } = recorder();
    expect(await scanAll(port, observe, { timeoutMs: 10_000 })).toHaveLength(1);
    expect(of('scan-ended')[0]?.elapsedMs).toBeLessThan(5000);
  });

  test('known servers are asked directly, without any interface', async () => {
    const port = await server();
    const { observe, of } = recorder();
    const known = ['127.0.0.1', 'fe80::1', 'amber'];
    const found = await scanAll(port, observe, { known, interfaces: () => ({}) });
    expect(found).toHaveLength(1);
    expect(of('scan-ended')[0]).toMatchObject({ interfaces: [], loopback: false, sockets: 1 });
  });

  test('of many known servers the first 32 are asked, each once', async () => {
    const fake = fakeSockets();
    const known = Array.from({ length: 100 }, (_, i) => `10.0.0.${i >> 1}`);
    const { observe } = recorder();
    const options = { port: 9, timeoutMs: 300, known, interfaces: () => ({}), observe };
    for await (const finding of scan(options, fake.open)) expect.unreachable(finding.kind);
    expect(new Set(fake.sockets[0]!.sent.map(({ address }) => address)).size).toBe(32);
  });

  test('a restart in the middle is one row that was replaced', async () => {
    const port = await hostile(
      encodeAnnouncement(announcement({ run: 'run00001' })),
      encodeAnnouncement(announcement({ run: 'run00002' })),
    );
    const stop = new AbortController();
    const found: Finding[] = [];
    const options = { timeoutMs: 300, known: [], interfaces: loopbackOnly, signal: stop.signal };
    for await (const finding of scan({ port, ...options, observe: () => undefined })) {
      found.push(finding);
      if (found.length === 2) stop.abort();
    }
    expect(found.slice(0, 2)).toMatchObject([
      { kind: 'server', server: { run: 'run00001' } },
      { kind: 'replaced', server: { run: 'run00002' }, previous: { run: 'run00001' } },
    ]);
  });
});

describe('interfaces', () => {
  test('one that cannot be bound is an event and stops nothing', async () => {
    const port = await server();
    const { observe, of } = recorder();
    const interfaces = () => ({ ...loopbackOnly(), gone0: [entry('192.0.2.1', 24)] });
    expect(await scanAll(port, observe, { interfaces })).toHaveLength(1);
    expect(of('socket-failed')[0]).toMatchObject({
      role: 'scanner',
      address: '192.0.2.1',
      code: 'EADDRNOTAVAIL',
    });
    expect(of('scan-ended')[0]).toMatchObject({ interfaces: ['gone0'], sockets: 1 });
  });

  test('are listed again each round', async () => {
    const port = await server();
    let asked = 0;
    const interfaces = () => (++asked > 1 ? loopbackOnly() : {});
    expect(await scanAll(port, () => undefined, { interfaces })).toHaveLength(1);
  });

  test('none at all: it ends with nothing and says so', async () => {
    const { observe, of } = recorder();
    const interfaces = (): never => {
      throw new Error('refused');
    };
    expect(await scanAll(9, observe, { interfaces })).toEqual([]);
    expect(of('scan-ended')[0]).toMatchObject({ sockets: 0, interfaces: [], loopback: false });
  });

  test('send errors are counted by code and told once per address', async () => {
    const fake = fakeSockets();
    const { observe, of } = recorder();
    const open: OpenSocket = async (options) => {
      const opened = await fake.open(options);
      fake.sockets.at(-1)!.sendCode = 'ENETUNREACH';
      return opened;
    };
    const interfaces = () => ({ eth0: [entry('10.0.0.1', 24)] });
    const options = { port: 9, timeoutMs: 300, known: [], interfaces, observe };
    for await (const finding of scan(options, open)) expect.unreachable(finding.kind);
    expect(of('send-failed')).toHaveLength(1);
    expect(of('scan-ended')[0]).toMatchObject({ probes: 0, sendErrors: { ENETUNREACH: 4 } });
  });

  test('a socket that fails is replaced in the next round', async () => {
    const fake = fakeSockets();
    const { observe, of } = recorder();
    const options = { port: 9, timeoutMs: 300, known: [], interfaces: loopbackOnly, observe };
    const running = (async () => {
      for await (const finding of scan(options, fake.open)) expect.unreachable(finding.kind);
    })();
    await vi.waitFor(() => {
      expect(fake.sockets).toHaveLength(1);
    });
    fake.sockets[0]!.fail('ECONNRESET');
    await running;
    expect(of('socket-failed')).toMatchObject([{ address: '127.0.0.1', code: 'ECONNRESET' }]);
    expect(fake.sockets).toHaveLength(2);
    expect(fake.sockets.every(({ disposals }) => disposals > 0)).toBe(true);
  });
});

describe('sweeping', () => {
  const interfaces = () => ({ ...loopbackOnly(), eth0: [entry('192.168.1.20', 24)] });

  /** A scan with nobody on the network but a host that `replies` has an answer of. */
  async function swept(
    changes: Partial<ScanOptions> = {},
    replies: (to: string) => Uint8Array | undefined = () => undefined,
    from = '192.168.1.77',
  ) {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const fake = fakeSockets();
    const open: OpenSocket = async (options) => {
      const opened = await fake.open(options);
      const socket = fake.sockets.at(-1)!;
      const { send } = socket;
      socket.send = (bytes, to, address) => {
        const reply = replies(address);
        if (reply) socket.deliver(Buffer.from(reply).toString('latin1'), from, 30000);
        return send(bytes, to, address);
      };
      return opened;
    };
    const { observe, of } = recorder();
    const found: Finding[] = [];
    const options = { port: 30000, timeoutMs: 1500, known: [], interfaces, observe, ...changes };
    const running = (async () => {
      for await (const finding of scan(options, open)) found.push(finding);
    })();
    await vi.advanceTimersByTimeAsync(11_000);
    await running;
    const broadcasts = ['192.168.1.255', '255.255.255.255', '127.0.0.1', '127.255.255.255'];
    const hosts = fake.sockets
      .flatMap(({ sent }) => sent.map(({ address }) => address))
      .filter((address) => !broadcasts.includes(address));
    return { found, hosts, end: of('scan-ended')[0]! };
  }

  test('with nobody there, each host of the network is asked once', async () => {
    const { hosts, end } = await swept();
    expect(hosts).toHaveLength(253);
    expect(new Set(hosts).size).toBe(253);
    expect(end).toMatchObject({ swept: 253, servers: 0 });
    expect(Math.round(end.elapsedMs)).toBe(2500);
  });

  test('who answers a broadcast makes it needless', async () => {
    const { found, hosts, end } = await swept({}, (to) =>
      to === '192.168.1.255' ? encodeAnnouncement(announcement()) : undefined,
    );
    expect(found).toHaveLength(1);
    expect(hosts).toEqual([]);
    expect(end).toMatchObject({ swept: 0 });
  });

  test('a server of the own machine is nobody else', async () => {
    const { found, hosts, end } = await swept(
      {},
      (to) => (to === '192.168.1.255' ? encodeAnnouncement(announcement()) : undefined),
      '192.168.1.20',
    );
    expect(found).toHaveLength(1);
    expect(hosts).toHaveLength(253);
    expect(end).toMatchObject({ swept: 253 });
  });

  test('who answers one host after another is all found, and the rest is asked', async () => {
    const { found, hosts, end } = await swept({}, (to) =>
      to === '192.168.1.77' ? encodeAnnouncement(announcement()) : undefined,
    );
    expect(found).toMatchObject([{ server: { addresses: ['192.168.1.77'] } }]);
    expect(hosts).toHaveLength(253);
    expect(end.elapsedMs).toBeLessThan(2500);
  });

  test('it was asked for: it is done although somebody answers, and in a short scan too', async () => {
    const answered = (to: string) =>
      to === '192.168.1.255' ? encodeAnnouncement(announcement()) : undefined;
    expect((await swept({ deep: true }, answered)).hosts).toHaveLength(253);
    expect((await swept({ deep: true, timeoutMs: 300 })).hosts).toHaveLength(253);
  });

  test('a short scan has none, nor one without a network that may be swept', async () => {
    expect(await swept({ timeoutMs: 1000 })).toMatchObject({ hosts: [], end: { swept: 0 } });
    const { hosts, end } = await swept({ interfaces: loopbackOnly });
    expect(hosts).toEqual([]);
    expect(Math.round(end.elapsedMs)).toBe(1500);
  });

  test('it ends when it is enough', async () => {
    const { hosts, end } = await swept({ enough: () => true }, (to) =>
      to === '192.168.1.7' ? encodeAnnouncement(announcement()) : undefined,
    );
    expect(hosts.length).toBeLessThan(64);
    expect(end.elapsedMs).toBeLessThan(1200);
  });

  test('it ends when the scan is aborted', async () => {
    const stop = new AbortController();
    const { hosts } = await swept({ signal: stop.signal }, (to) => {
      if (to === '192.168.1.7') stop.abort();
      return undefined;
    });
    expect(hosts.length).toBeLessThan(64);
  });
});

/** A scan of a network where `replies` answers what is sent at that time; each answer comes from an address. */
async function scripted(
  changes: Partial<ScanOptions>,
  replies: (to: string) => readonly { readonly from: string; readonly reply: Uint8Array }[],
  meanwhile: (deliver: (from: string, reply: Uint8Array) => void) => void = () => undefined,
) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const fake = fakeSockets();
  const sent: string[] = [];
  const open: OpenSocket = async (options) => {
    const opened = await fake.open(options);
    const socket = fake.sockets.at(-1)!;
    const deliver = (from: string, reply: Uint8Array): void => {
      socket.deliver(Buffer.from(reply).toString('latin1'), from, 30000);
    };
    const { send } = socket;
    socket.send = (bytes, to, address) => {
      sent.push(address);
      for (const { from, reply } of replies(address)) deliver(from, reply);
      return send(bytes, to, address);
    };
    if (options.address === '192.168.1.20') meanwhile(deliver);
    return opened;
  };
  const found: Finding[] = [];
  const interfaces = () => ({ eth0: [entry('192.168.1.20', 24), entry('fe80::1', 64)] });
  const fixed = { port: 30000, known: [], interfaces, observe: () => undefined };
  const running = (async () => {
    const options = { timeoutMs: 1500, ...fixed, ...changes };
    for await (const finding of scan(options, open)) found.push(finding);
  })();
  await vi.advanceTimersByTimeAsync(5000);
  await running;
  return { found, sent };
}

test('whose place another run takes is asked once more, so that a forged restart hides nobody', async () => {
  const honest = encodeAnnouncement(announcement({ run: 'run00001' }));
  const forged = encodeAnnouncement(announcement({ run: 'run00002', name: 'Mallory' }));
  const from = '192.168.1.77';
  const { found, sent } = await scripted(
    {},
    (to) => (to === '192.168.1.255' || to === from ? [{ from, reply: honest }] : []),
    (deliver) => {
      setTimeout(deliver, 1100, from, forged);
    },
  );
  expect(sent.filter((to) => to === from)).toHaveLength(1);
  expect(found.slice(-2)).toMatchObject([
    { kind: 'server', server: { name: 'Amber', marks: ['conflict'] } },
    { kind: 'replaced', server: { name: 'Mallory', marks: ['conflict'] } },
  ]);
});

test('a restart that is forged in the name of a far address sends nobody there a probe', async () => {
  const { sent } = await scripted(
    {},
    () => [],
    (deliver) => {
      for (const run of ['run00001', 'run00002', 'run00003']) {
        setTimeout(deliver, 300, '203.0.113.5', encodeAnnouncement(announcement({ run })));
      }
    },
  );
  expect(sent).not.toContain('203.0.113.5');
});

test.each([
  ['in the last round of a short scan', 800],
  ['at 900 ms of one of the usual length', 1500],
])('where a crowd answers, IPv6 is asked once: %s', async (_, timeoutMs) => {
  const crowd = Array.from({ length: 51 }, (__, i) => ({
    from: `192.168.1.${100 + i}`,
    reply: encodeAnnouncement(announcement({ id: idOf('0').slice(2) + String(10 + i) })),
  }));
  const { sent } = await scripted({ timeoutMs }, (to) => (to === '192.168.1.255' ? crowd : []));
  expect(sent.filter((to) => to === 'ff12::7530%eth0')).toHaveLength(1);
});

test('where few answer, IPv6 is asked in every round', async () => {
  const { sent } = await scripted({}, () => []);
  expect(sent.filter((to) => to === 'ff12::7530%eth0')).toHaveLength(4);
});

describe('ending', () => {
  test('an abort keeps what was found and closes every socket', async () => {
    const port = await server();
    const { open, openNow } = countingSockets();
    const stop = new AbortController();
    const { observe, events } = recorder();
    const found: Finding[] = [];
    const options = { port, timeoutMs: 10_000, known: [], interfaces: loopbackOnly, observe };
    for await (const finding of scan({ ...options, signal: stop.signal }, open)) {
      found.push(finding);
      stop.abort();
    }
    expect(found).toHaveLength(1);
    expect(openNow()).toBe(0);
    expect(events.at(-1)?.kind).toBe('scan-ended');
  });

  test('a signal that has aborted already means no scan at all', async () => {
    const { observe, events } = recorder();
    expect(await scanAll(9, observe, { signal: AbortSignal.abort() })).toEqual([]);
    expect(events).toMatchObject([{ kind: 'scan-ended', probes: 0, sockets: 0 }]);
  });

  test('leaving the loop closes every socket', async () => {
    const port = await server();
    const { open, openNow } = countingSockets();
    const { observe, of } = recorder();
    const options = { port, timeoutMs: 10_000, known: [], interfaces: loopbackOnly, observe };
    for await (const finding of scan(options, open)) {
      expect(finding.kind).toBe('server');
      expect(openNow()).toBe(1);
      break;
    }
    expect(openNow()).toBe(0);
    expect(of('scan-ended')).toHaveLength(1);
  });

  test('a reader that never comes back does not keep the sockets', async () => {
    const port = await server();
    const { open, openNow } = countingSockets();
    const { observe, of } = recorder();
    const options = { port, timeoutMs: 300, known: [], interfaces: loopbackOnly, observe };
    await scan(options, open).next();
    await vi.waitFor(() => {
      expect(of('scan-ended')).toHaveLength(1);
    });
    expect(openNow()).toBe(0);
  });

  test('without a reader nothing is opened', () => {
    const fake = fakeSockets();
    const { observe } = recorder();
    scan({ port: 9, timeoutMs: 300, known: [], interfaces: loopbackOnly, observe }, fake.open);
    expect(fake.sockets).toEqual([]);
  });
});

describe('hostile and broken servers', () => {
  const line = "Amber's File Sharing Service\n";

  test('20,000 fake servers are 8 rows, and the scan ends in time', async () => {
    let serial = 0;
    const fake = (): Uint8Array => {
      const id = idOf('0').slice(8) + String((serial += 1)).padStart(8, '0');
      return encodeAnnouncement(announcement({ id }));
    };
    const flood = await hostileServer(function* () {
      for (let i = 0; i < 5000; i += 1) yield fake();
    });
    onTestFinished(() => void flood.close());
    const { port } = flood.address();
    const { observe, of } = recorder();
    const found = await scanAll(port, observe, { timeoutMs: 1500 });
    expect(found).toHaveLength(8);
    expect(serial).toBeGreaterThanOrEqual(20_000);
    const [end] = of('scan-ended');
    expect(end?.excess).toBeGreaterThan(1000);
    expect(end?.elapsedMs).toBeLessThan(8000);
  });

  test('a slow reader loses nothing and slows nothing down', async () => {
    const ids = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
    const replies = ids.map((id) => encodeAnnouncement(announcement({ id: idOf(id) })));
    const port = await hostile(...replies);
    const { observe, of } = recorder();
    const found: Finding[] = [];
    const options = { port, timeoutMs: 300, known: [], interfaces: loopbackOnly, observe };
    for await (const finding of scan(options)) {
      found.push(finding);
      await new Promise((resolve) => setTimeout(resolve, 60));
      if (found.length === 8) expect(of('scan-ended')).toHaveLength(1);
    }
    expect(found).toHaveLength(8);
  });

  test.each([
    ['oversized', Buffer.alloc(2000, 'x')],
    ['not UTF-8', Buffer.from([...Buffer.from('Am'), 0xff, ...Buffer.from(line)])],
    ['empty', Buffer.alloc(0)],
    ['a probe', Buffer.from('SERVICE DISCOVERY')],
    ['half a body', Buffer.from(`${line}{"svc":"lanpost","v":1`)],
    ['somebody else', Buffer.from(`${line}{"svc":"other"}\n`)],
    ['a nameless one', Buffer.from("\u0007\u202e's File Sharing Service")],
  ])('%s is no row, the honest server beside it is', async (_what, reply) => {
    const port = await hostile(reply, encodeAnnouncement(announcement()));
    const { observe, of } = recorder();
    expect(await scanAll(port, observe)).toHaveLength(1);
    expect(of('scan-ended')[0]?.malformed).toBeGreaterThan(0);
  });

  test('no control or direction character reaches a name', async () => {
    const body = {
      svc: 'lanpost',
      v: 1,
      ...announcement(),
      name: 'A\u001b]0;x\u0007\u202eB\u0000',
    };
    const port = await hostile(
      `${line}${JSON.stringify(body)}\n`,
      "\u001b[2JOld\u2066's File Sharing Service",
    );
    const found = await scanAll(port, () => undefined);
    expect(found.map(({ server: { name, marks } }) => [name, ...marks])).toEqual([
      ['A]0;xB'],
      ['[2JOld', 'legacy'],
    ]);
  });
});
