import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startAvahi, type Avahi, type Resolved } from '../support/avahi.js';
import { addressesOf } from '../support/doctor.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { rules } from '../support/on-host.js';
import { mayAskAvahi } from '../support/privileges.js';
import { run, serve, type Ended, type Line, type Server } from '../support/program.js';

const type = '_lanpost._tcp';
const foreignId = '0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK';
const foreignFacts = ['v=1', `id=${foreignId}`, 'run=abcdefgh', 'code=1', 'n=Foreign one'];
/** ciao asks for a second whether a name is free before it uses it. */
const patience = { timeout: 10_000, interval: 200 };

let folder: string;
let lan: Lan;
/** Amber serves, basil scans, both run avahi; coral does nothing by itself; dill's cable is not plugged in. */
let amber: Host;
let basil: Host;
let coral: Host;
let dill: Host;
let server: Server;
let far: Avahi;
let near: Avahi;

function nft(host: Host, ...lines: readonly string[]): AsyncDisposable {
  const chain = 'type filter hook input priority 0;';
  rules(host, `table inet test {\nchain in {\n${[chain, ...lines].join('\n')}\n}\n}\n`);
  return {
    [Symbol.asyncDispose]() {
      rules(host, 'flush ruleset');
      return Promise.resolve();
    },
  };
}

async function scan(...words: readonly string[]): Promise<Ended> {
  return run(basil, ['scan', '--json', ...words]);
}

/** The rows of a scan. One may be told again, when its answer comes late: then the last line counts. */
function servers({ lines }: Ended): readonly Line[] {
  const rows = lines.filter(({ event }) => event === 'server');
  const nameOf = (row: Line): string => JSON.stringify([row['id'], row['port'], row['name']]);
  return [...new Map(rows.map((row) => [nameOf(row), row])).values()];
}

async function listed(avahi: Avahi, name: string): Promise<Resolved> {
  return vi.waitFor(() => {
    const found = avahi.browse(type).find((service) => service.name === name);
    if (found === undefined) throw new Error(`${name} is not listed`);
    return found;
  }, patience);
}

describe.skipIf(!mayAskAvahi())('with a real avahi', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-mdns-'));
    lan = await buildLan(folder, [
      { name: 'amber', subnets: [0] },
      { name: 'basil', subnets: [0] },
      { name: 'coral', subnets: [0] },
      { name: 'dill', subnets: [0] },
    ]);
    [amber, basil, coral, dill] = lan.hosts as [Host, Host, Host, Host];
    dill.cable(0, 'down');
    near = await startAvahi(amber.namespace, join(folder, 'near'));
    far = await startAvahi(basil.namespace, join(folder, 'far'));
    server = await serve(amber, ['--name', 'Dr. Ämber']);
  }, 30_000);

  afterAll(async () => {
    // Where the start failed, some of them are missing.
    const started: readonly (AsyncDisposable | undefined)[] = [server, near, far, lan];
    for (const one of started) await one?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('it resolves a server, from another machine and from the same one', async () => {
    for (const avahi of [far, near]) {
      const found = await listed(avahi, 'Dr- Ämber');
      expect(found).toMatchObject({ address: amber.addresses[0], port: server.port });
      expect(found.facts).toContain(`id=${server.id}`);
      expect(found.facts).toEqual(
        expect.arrayContaining(['v=1', 'code=1', 'n=Dr. \\195\\132mber']),
      );
    }
  });

  test('the server is one row without a mark', async () => {
    const ended = await scan();
    expect(servers(ended)).toMatchObject([{ id: server.id, name: 'Dr. Ämber', marks: [] }]);
    // It answers over IPv6 too, at times first.
    const addresses = ended.lines.flatMap((line) => addressesOf(line));
    expect(addresses.filter((address) => !address.startsWith('fe80:'))).toEqual(amber.addresses);
  });

  test('a scan finds what avahi publishes, and says that it did not answer', async () => {
    await using _published = near.publish('Listed one', type, 40001, foreignFacts);
    await listed(far, 'Listed one');
    const rows = servers(await scan());
    expect(rows).toHaveLength(2);
    expect(rows.find(({ id }) => id === foreignId)).toMatchObject({
      name: 'Foreign one',
      port: 40001,
      addresses: [amber.addresses[0]],
      code: true,
      marks: ['mdns'],
    });
    const { stdout } = await run(basil, ['scan']);
    expect(stdout).toContain('Foreign one');
    expect(stdout).toContain('seen by mDNS only, UDP was not answered');
  });

  test('a name with signs that command a terminal or turn a line around reaches no screen', async () => {
    const name = 'n=E\u001b[2J\u009bvil\u202e \u2066one\u200b\u0007\u0000';
    const facts = [...foreignFacts.slice(0, -1), name.replace('\u0000', '')];
    await using _published = near.publish('Listed\u202e one', type, 40001, facts);
    await vi.waitFor(() => {
      expect(far.browse(type).map(({ port }) => port)).toContain(40001);
    }, patience);
    const { stdout, stderr } = await run(basil, ['scan']);
    const json = await scan();
    expect(stdout).toContain('E[2Jvil one');
    for (const text of [stdout, stderr, json.stdout]) {
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  test('what avahi publishes on the own machine is found too', async () => {
    await using _published = far.publish('Listed one', type, 40001, foreignFacts);
    await listed(near, 'Listed one');
    const row = servers(await scan()).find(({ id }) => id === foreignId);
    expect(row).toMatchObject({ addresses: [basil.addresses[0]], marks: ['mdns'] });
  });

  test('a server whose discovery port is closed is found by mDNS alone', async () => {
    await listed(far, 'Dr- Ämber');
    await using _closed = nft(amber, 'udp dport 30000 drop');
    const ended = await scan();
    expect(ended.code).toBe(0);
    const rows = servers(ended);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ id: server.id, port: server.port, marks: ['mdns'] });
    expect((await scan('--mdns', 'off')).code).toBe(3);
  });

  test('a client that lets in mDNS and answers finds it, and hears it by the probe of its own', async () => {
    await listed(far, 'Dr- Ämber');
    await using _wall = nft(
      basil,
      'iif lo accept',
      'ct state established accept',
      'ip daddr 224.0.0.251 udp dport 5353 accept',
      'drop',
    );
    const rows = servers(await scan());
    expect(rows).toMatchObject([{ id: server.id, addresses: amber.addresses, marks: [] }]);
  });

  test('a client that lets in answers only is not harmed', async () => {
    await using _wall = nft(basil, 'iif lo accept', 'ct state established accept', 'drop');
    expect([0, 3]).toContain((await scan()).code);
  });

  test('a second server of the same name gets a number in the list, not in its rows', async () => {
    await using second = await serve(amber, ['--name', 'Dr. Ämber']);
    await listed(far, 'Dr- Ämber (2)');
    const rows = servers(await scan());
    expect(rows.map(({ name, port }) => [name, port]).sort()).toEqual(
      [server.port, second.port].map((port) => ['Dr. Ämber', port]).sort(),
    );
    expect(rows.flatMap(({ marks }) => marks)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'a server that %s stops says goodbye',
    async (signal) => {
      const short = await serve(basil, ['--name', 'Short']);
      await listed(near, 'Short');
      short.kill(signal);
      expect((await short.ended).code).toBe(0);
      await vi.waitFor(() => {
        expect(near.browse(type).map(({ name }) => name)).not.toContain('Short');
      }, patience);
    },
  );

  test('switched off, nothing is sent on the port of mDNS', async () => {
    const heard = await countMdns(async () => {
      await using _quiet = await serve(coral, ['--mdns', 'off']);
      await run(coral, ['scan', '--mdns', 'off']);
    });
    expect(heard).toBe(0);
    expect(await countMdns(() => run(coral, ['scan']))).toBeGreaterThan(0);
  });

  test('where another program holds the port alone, a server says so and serves, a scan asks without it', async () => {
    await using _holder = await python(coral, holder);
    await using mute = await serve(coral, ['--name', 'Mute']);
    await mute.says('announcing by mDNS failed: UDP port 5353 cannot be shared (EADDRINUSE)');
    const rows = servers(await run(coral, ['scan', '--json']));
    expect(rows.map(({ name }) => name).sort()).toEqual(['Dr. Ämber', 'Mute']);
    await using _closed = nft(amber, 'udp dport 30000 drop');
    const found = servers(await run(coral, ['scan', '--json'])).find(({ id }) => id === server.id);
    expect(found).toMatchObject({ marks: ['mdns'] });
  });

  test('a server that is plugged in later is announced then', { timeout: 60_000 }, async () => {
    await using _late = await serve(dill, ['--name', 'Late']);
    dill.cable(0, 'up');
    const found = await vi.waitFor(() => listed(far, 'Late'), { timeout: 40_000 });
    expect(found.address).toBe(dill.addresses[0]);
  });

  test('a flood of false announcements is 8 rows, and the scan goes on', async () => {
    await using _flood = await python(coral, flood, coral.addresses[0] ?? '');
    const ended = await scan();
    const rows = servers(ended);
    expect(rows.find(({ id }) => id === server.id)).toMatchObject({ marks: [] });
    const fake = rows.filter(({ name }) => String(name).startsWith('Fake'));
    expect(fake.length).toBeGreaterThan(0);
    expect(fake.length).toBeLessThanOrEqual(8);
    expect(server.told().map(({ event }) => event)).toEqual(['serving']);
  });
});

interface Script extends AsyncDisposable {
  /** Ends its input and gives what it said after `ready`. */
  end(): Promise<string>;
}

/** Runs a script there and waits until it says `ready`; disposing kills it. */
async function python({ namespace }: Host, script: string, ...words: string[]): Promise<Script> {
  const command = ['netns', 'exec', namespace, 'python3', '-c', script, ...words];
  const child = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString('utf8');
  });
  await vi.waitFor(() => {
    expect(said).toContain('ready');
  }, patience);
  return {
    async end() {
      child.stdin.end();
      await closed;
      return said.split('\n')[1] ?? '';
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** What amber hears from coral on the port of mDNS while this goes on. */
async function countMdns(during: () => Promise<unknown>): Promise<number> {
  const [here = '', there = ''] = [amber.addresses[0], coral.addresses[0]];
  const listening = await python(amber, listener, here, there);
  await during();
  return Number(await listening.end());
}

/** Counts until its input ends. */
const listener = `
import select, socket, sys
here, there = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('224.0.0.251') + socket.inet_aton(here))
print('ready', flush=True)
count = 0
while True:
    ready, _, _ = select.select([s, sys.stdin], [], [])
    if s in ready:
        count += s.recvfrom(9000)[1][0] == there
    elif sys.stdin.read() == '':
        break
print(count)
`;

/** Shares the port with nobody. */
const holder = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 5353))
print('ready', flush=True)
time.sleep(60)
`;

/** Ever new servers at ever new addresses, and names that point back as often as they can. */
const flood = `
import random, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
print('ready', flush=True)

def name(*labels):
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\\0'

def record(owner, kind, data):
    return owner + struct.pack('!HHIH', kind, 1, 120, len(data)) + data

def server(i):
    kind = name(b'_lanpost', b'_tcp', b'local')
    label = b'Fake %d' % i
    own = name(label, b'_lanpost', b'_tcp', b'local')
    host = name(b'h%d' % i, b'local')
    facts = [b'v=1', b'id=%052d' % i, b'run=run00000', b'code=1', b'n=' + label]
    return struct.pack('!6H', 0, 0x8400, 0, 4, 0, 0) + b''.join([
        record(kind, 12, own),
        record(own, 33, struct.pack('!3H', 0, 0, 30001) + host),
        record(own, 16, b''.join(bytes([len(fact)]) + fact for fact in facts)),
        record(host, 1, bytes([10, 78, 0, random.randrange(100, 250)])),
    ])

def chain():
    pointers = b''.join(struct.pack('!H', 0xC000 + 12 + 9 + 2 * at) for at in range(2000))
    return struct.pack('!6H', 0, 0x8400, 0, 200, 0, 0) + b'\\x08_lanpost' + b'\\0\\0' + pointers

i = 0
while True:
    i += 1
    try:
        s.sendto(chain() if i % 4 == 0 else server(i), ('224.0.0.251', 5353))
    except OSError:
        pass
`;
