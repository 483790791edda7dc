import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  figures,
  idsOf,
  layCables,
  probePort,
  scans,
  startServing,
  type Cables,
  type ScanLine,
  type Serving,
} from '../support/discovery-lan.js';
import { privileged } from '../support/privileges.js';

const subnets = [0, 1, 2];
/** Machines, two servers each; the first three are on all subnets. */
const machines = 12;
const serverCount = machines * 2;
const offLinkPublic = '203.0.113.9';
const offLinkPrivate = '10.200.0.9';

let cables: Cables;
let serving: Serving[];

function subnetsOf(machine: number): readonly number[] {
  return machine < subnets.length ? subnets : [machine % subnets.length];
}

function build(): void {
  for (const machine of ['c', 'a', 'd']) cables.add(machine);
  for (const subnet of subnets) cables.plug('c', subnet, 2);
  cables.plug('a', 0, 3);
  cables.plug('d', 0, 4);
  cables.ip('a', `addr add ${offLinkPublic}/32 dev lo`, `addr add ${offLinkPrivate}/32 dev lo`);
  for (let machine = 0; machine < machines; machine += 1) {
    cables.add(`m${machine}`);
    for (const subnet of subnetsOf(machine)) cables.plug(`m${machine}`, subnet, 10 + machine);
  }
  // The way back to the attacker's foreign addresses exists, so a reply to them would arrive.
  cables.ip('m0', 'route add default via 10.77.0.3');
}

function startMachine(machine: number): Promise<Serving> {
  const announcements = [0, 1].map((server) => ({
    id: String(machine * 2 + server).padStart(52, '0'),
    run: 'run00000',
    name: `Machine ${machine} server ${server}`,
    port: 30001 + server,
    code: true,
  }));
  return startServing(`m${machine}`, announcements);
}

function expectComplete(scan: ScanLine): void {
  const { findings, end } = scan;
  const servers = idsOf(scan);
  expect(servers).toHaveLength(serverCount);
  expect(new Set(servers).size).toBe(serverCount);
  const further = findings.filter(({ kind }) => kind === 'address');
  const perSubnet = ['IPv4', 'IPv6'].length;
  const multiHomed = 3 * 2;
  expect(further).toHaveLength(
    multiHomed * (subnets.length * perSubnet - 1) + (serverCount - multiHomed) * (perSubnet - 1),
  );
  expect(findings).toHaveLength(servers.length + further.length);
  expect(findings.flatMap(({ server }) => server.marks)).toEqual([]);
  expect(end).toMatchObject({
    servers: serverCount,
    interfaces: ['e0', 'e1', 'e2'],
    loopback: true,
    malformed: 0,
    dropped: 0,
    sendErrors: {},
  });
}

describe.skipIf(!privileged)('24 servers on three subnets', () => {
  beforeAll(async () => {
    cables = layCables(subnets);
    build();
    serving = await Promise.all(
      Array.from({ length: machines }, (_, machine) => startMachine(machine)),
    );
  });

  afterAll(async () => {
    await Promise.all(serving.map((machine) => machine[Symbol.asyncDispose]()));
    await cables[Symbol.asyncDispose]();
  });

  test('20 of 20 scans find each of them once', async ({ annotate }) => {
    const lines = await scans('c', { times: 20 });
    expect(lines).toHaveLength(20);
    lines.forEach(expectComplete);
    const rows = lines.map(({ findings }) => findings.filter(({ kind }) => kind === 'server'));
    const first = rows.map((row) => row[0]!.atMs);
    const all = rows.map((row) => row.at(-1)!.atMs);
    await annotate(`first row ${figures(first)}, all rows ${figures(all)}`);
  });

  test('a forged source port of 0 harms nobody', async () => {
    cables.python('a', forgedPortZero);
    await serving[3]!.drops('source-port-zero');
    for (const machine of serving) expect(machine.isAlive()).toBe(true);
    (await scans('c', { times: 1 })).forEach(expectComplete);
  });

  test('a source that is neither on-link nor private gets no reply', async () => {
    expect(cables.python('a', askFrom(offLinkPrivate))).toBe('reply');
    expect(cables.python('a', askFrom(offLinkPublic))).toBe('silence');
    await serving[0]!.drops('off-link');
    (await scans('c', { times: 1 })).forEach(expectComplete);
  });

  test('5,000 probes a second from one source get few replies, and another host is served', async ({
    annotate,
  }) => {
    const scan = scans('d', { times: 1 });
    const numbers = cables.python('a', flood).split(' ').map(Number);
    const [sent = 0, replies = 0, seconds = 0] = numbers;
    expect(sent).toBeGreaterThan(2000);
    expect(replies).toBeGreaterThan(0);
    // Machine 3 has two servers, and each gives 10 at once and 5 a second: some 30 here, if the machine keeps up.
    expect(replies).toBeLessThanOrEqual(2 * (10 + 5 * (seconds + 1)));
    await annotate(`${sent} probes in ${seconds.toFixed(1)} s, ${replies} replies of two servers`);
    const here = serving.flatMap((_, machine) => (subnetsOf(machine).includes(0) ? machine : []));
    const ids = here.flatMap((machine) => [machine * 2, machine * 2 + 1]);
    expect(
      idsOf((await scan)[0]!)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(ids);
  });

  test('20,000 fake replies a second hide no honest server, and are 8 rows an address', async ({
    annotate,
  }) => {
    const flooding = cables.start('a', ['python3', '-c', fakeReplies]);
    await flooding.says('ready');
    const [scan] = await scans('c', { times: 1 });
    flooding.end();
    const { findings, end, peakMiB } = scan!;
    const rows = findings.filter(({ kind }) => kind === 'server').map(({ server }) => server);
    const honest = rows.filter(({ name }) => name.startsWith('Machine '));
    expect(new Set(honest.map(({ id }) => id)).size).toBe(serverCount);
    const fake = rows.filter(({ name }) => name === 'Fake');
    const from = fake.flatMap(({ addresses }) => addresses);
    for (const address of from) {
      expect(from.filter((other) => other === address).length).toBeLessThanOrEqual(8);
    }
    expect(fake.length).toBeGreaterThanOrEqual(8);
    expect(end.excess).toBeGreaterThan(0.5 * end.datagrams);
    // Each of these limits is far from what is usual, and farther from what has none.
    expect(end.elapsedMs).toBeLessThan(5000);
    expect(peakMiB).toBeLessThan(256);
    await annotate(
      `${end.datagrams} datagrams, ended after ${end.elapsedMs.toFixed(0)} ms, ${peakMiB.toFixed(0)} MiB`,
    );
  });
});

/** To machine 3, which is on subnet 0 alone; the kernel fills in the IP checksum. */
const forgedPortZero = `
import socket, struct
text = b'SERVICE DISCOVERY'
udp = struct.pack('!HHHH', 0, ${probePort}, 8 + len(text), 0) + text
head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                   socket.inet_aton('10.77.0.3'), socket.inet_aton('10.77.0.13'))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for _ in range(20):
    raw.sendto(head + udp, ('10.77.0.13', 0))
`;

/** Asks machine 0, whose default route leads to the attacker. */
function askFrom(address: string): string {
  return `
import socket
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.bind(('${address}', 5000))
asking.settimeout(3)
for _ in range(3):
    asking.sendto(b'SERVICE DISCOVERY', ('10.77.0.10', ${probePort}))
try:
    asking.recvfrom(2048)
    print('reply')
except TimeoutError:
    print('silence')
`;
}

/** Probes for three seconds, from many ports of one address to all of the subnet; counts what machine 3 answers. */
const flood = `
import select, socket, time
asking = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
for one in asking:
    one.bind(('10.77.0.3', 0))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
begun = time.monotonic()
sent = replies = 0
def hear(patience):
    global replies
    while True:
        ready, _, _ = select.select(asking, [], [], patience)
        if not ready:
            return
        for one in ready:
            replies += one.recvfrom(2048)[1][0] == '10.77.0.13'
while (passed := time.monotonic() - begun) < 3:
    for _ in range(sent, int(passed * 5000)):
        if time.monotonic() - begun >= 3:
            break
        asking[sent % len(asking)].sendto(b'SERVICE DISCOVERY', ('10.77.0.255', ${probePort}))
        sent += 1
    hear(0)
    time.sleep(0.002)
hear(0.5)
print(sent, replies, time.monotonic() - begun)
`;

/** Answers each probe that comes, for as long as it lives, with new servers, from its IPv4 and its IPv6 address. */
const fakeReplies = `
import json, socket, struct, time
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(('', ${probePort}))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(('::', ${probePort}))
link = socket.if_nametoindex('e0')
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
               socket.inet_pton(socket.AF_INET6, 'ff12::7530') + struct.pack('@I', link))
print('ready', flush=True)
asked = {}
serial = 0
begun = None
while True:
    for one in (four, six):
        one.setblocking(False)
        try:
            while True:
                asked[one] = one.recvfrom(2048)[1]
                begun = begun or time.monotonic()
        except BlockingIOError:
            pass
    while begun and serial < (time.monotonic() - begun) * 20000:
        for one, to in asked.items():
            serial += 1
            body = {'svc': 'lanpost', 'v': 1, 'id': '%052d' % (10**9 + serial), 'run': 'fakefake',
                    'name': 'Fake', 'port': 30001, 'code': True}
            try:
                one.sendto(("Fake's File Sharing Service\\n%s\\n" % json.dumps(body)).encode(), to)
            except BlockingIOError:
                pass
    time.sleep(0.002)
`;
