import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { DiscoveryEvent, DropReason, ScannerEvent } from '#discovery/events.js';
import type { Finding } from '#discovery/scanner.js';
import { buildScript } from '../support/bundle.js';
import { privileged } from '../support/privileges.js';

const prefix = `lp${process.pid}`;
const wires = `${prefix}w`;
const client = `${prefix}c`;
const attacker = `${prefix}a`;
const PORT = 30000;
const SUBNETS = [0, 1, 2];
/** Machines, two servers each; the first three are on all subnets. */
const MACHINES = 12;
const SERVERS = MACHINES * 2;
const OFF_LINK_PUBLIC = '203.0.113.9';
const OFF_LINK_PRIVATE = '10.200.0.9';

/** The script of the machines, once it is built. */
let child = '';

interface ScanLine {
  readonly kind: 'scan';
  readonly findings: (Finding & { readonly atMs: number })[];
  readonly end: ScannerEvent;
}

type Line = ScanLine | DiscoveryEvent | { readonly kind: 'ready' };

const namespaces = [wires, client, attacker];
const machines: { process: ChildProcess; lines: Line[] }[] = [];

function ip(namespace: string, commands: readonly string[]): void {
  const input = commands.join('\n');
  execFileSync('ip', ['-n', namespace, '-batch', '-'], {
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Nobody else is on these links: the system need not look for a second owner of an address for a second or two. */
function withoutLookingForDuplicates(namespace: string): void {
  const file = '/proc/sys/net/ipv6/conf/default/accept_dad';
  execFileSync('ip', inside(namespace, ['sh', '-c', `echo 0 > ${file}`]));
}

/** Plugs a machine into a subnet: one end of a cable there, the other in its switch. */
function plug(namespace: string, label: string, subnet: number, host: number): void {
  const [near, far] = [`e${subnet}`, `${label}s${subnet}`];
  ip(wires, [
    `link add ${far} type veth peer name ${near} netns ${namespace}`,
    `link set ${far} master b${subnet} up`,
  ]);
  ip(namespace, [
    `addr add 10.77.${subnet}.${host}/24 brd + dev ${near}`,
    `link set ${near} up`,
    'link set lo up',
  ]);
}

function subnetsOf(machine: number): readonly number[] {
  return machine < SUBNETS.length ? SUBNETS : [machine % SUBNETS.length];
}

function build(): void {
  for (let i = 0; i < MACHINES; i += 1) namespaces.push(`${prefix}m${i}`);
  for (const name of namespaces) {
    execFileSync('ip', ['netns', 'add', name]);
    withoutLookingForDuplicates(name);
  }
  ip(
    wires,
    SUBNETS.map((subnet) => `link add b${subnet} up type bridge`),
  );
  for (const subnet of SUBNETS) plug(client, 'c', subnet, 2);
  plug(attacker, 'a', 0, 3);
  ip(attacker, [`addr add ${OFF_LINK_PUBLIC}/32 dev lo`, `addr add ${OFF_LINK_PRIVATE}/32 dev lo`]);
  for (let i = 0; i < MACHINES; i += 1) {
    for (const subnet of subnetsOf(i)) plug(`${prefix}m${i}`, `m${i}`, subnet, 10 + i);
  }
  // The way back to the attacker's foreign addresses exists, so a reply to them would arrive.
  ip(`${prefix}m0`, ['route add default via 10.77.0.3']);
}

function inside(namespace: string, command: readonly string[]): string[] {
  return ['netns', 'exec', namespace, ...command];
}

function startMachine(machine: number): Promise<void> {
  const announcements = [0, 1].map((server) => ({
    id: String(machine * 2 + server).padStart(52, '0'),
    run: 'run00000',
    name: `Machine ${machine} server ${server}`,
    port: 30001 + server,
    code: true,
  }));
  const options = JSON.stringify({ port: PORT, announcements });
  const command = inside(`${prefix}m${machine}`, [process.execPath, child, 'serve', options]);
  const started = spawn('ip', command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  machines[machine] = { process: started, lines };
  const { promise, resolve } = deferred();
  createInterface({ input: started.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.kind === 'ready') resolve();
  });
  return promise;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

async function scans(times: number): Promise<ScanLine[]> {
  const options = JSON.stringify({ port: PORT, timeoutMs: 1500, times });
  const command = inside(client, [process.execPath, child, 'scan', options]);
  const running = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: ScanLine[] = [];
  for await (const line of createInterface({ input: running.stdout })) {
    lines.push(JSON.parse(line) as ScanLine);
  }
  return lines;
}

function python(namespace: string, script: string): string {
  const result = spawnSync('ip', inside(namespace, ['python3', '-c', script]), {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout.trim();
}

function expectComplete({ findings, end }: ScanLine): void {
  const servers = findings.filter(({ kind }) => kind === 'server').map(({ server }) => server.id);
  expect(servers).toHaveLength(SERVERS);
  expect(new Set(servers).size).toBe(SERVERS);
  const further = findings.filter(({ kind }) => kind === 'address');
  const perSubnet = ['IPv4', 'IPv6'].length;
  const multiHomed = 3 * 2;
  expect(further).toHaveLength(
    multiHomed * (SUBNETS.length * perSubnet - 1) + (SERVERS - multiHomed) * (perSubnet - 1),
  );
  expect(findings).toHaveLength(servers.length + further.length);
  expect(findings.flatMap(({ server }) => server.marks)).toEqual([]);
  expect(end).toMatchObject({
    servers: SERVERS,
    interfaces: ['e0', 'e1', 'e2'],
    loopback: true,
    malformed: 0,
    dropped: 0,
    sendErrors: {},
  });
}

function expectDrop(machine: number, reason: DropReason): Promise<void> {
  const isDrop = (line: Line): boolean => line.kind === 'probes-dropped' && line.reason === reason;
  return vi.waitFor(
    () => {
      expect(machines[machine]?.lines.some(isDrop)).toBe(true);
    },
    { timeout: 5000 },
  );
}

function removeNamespaces(): void {
  for (const name of namespaces) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
}

async function tearDown(): Promise<void> {
  const ended = machines.map(async ({ process: running }) => {
    if (running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    running.stdin?.end();
    const hurry = setTimeout(() => running.kill('SIGKILL'), 3000);
    await exit;
    clearTimeout(hurry);
  });
  await Promise.all(ended);
  removeNamespaces();
}

describe.skipIf(!privileged)('24 servers on three subnets', () => {
  beforeAll(async () => {
    process.once('exit', removeNamespaces);
    child = await buildScript('support/discovery-child.js');
    build();
    await Promise.all(Array.from({ length: MACHINES }, (_, machine) => startMachine(machine)));
  });

  afterAll(tearDown);

  test('20 of 20 scans find each of them once', async ({ annotate }) => {
    const lines = await scans(20);
    expect(lines).toHaveLength(20);
    lines.forEach(expectComplete);
    const rows = lines.map(({ findings }) => findings.filter(({ kind }) => kind === 'server'));
    const first = rows.map((row) => row[0]!.atMs);
    const all = rows.map((row) => row.at(-1)!.atMs);
    await annotate(`first row ${figures(first)}, all rows ${figures(all)}`);
  });

  test('a forged source port of 0 harms nobody', async () => {
    python(attacker, FORGED_PORT_ZERO);
    await expectDrop(3, 'source-port-zero');
    for (const { process: running } of machines) expect(running.exitCode).toBeNull();
    (await scans(1)).forEach(expectComplete);
  });

  test('a source that is neither on-link nor private gets no reply', async () => {
    expect(python(attacker, askFrom(OFF_LINK_PRIVATE))).toBe('reply');
    expect(python(attacker, askFrom(OFF_LINK_PUBLIC))).toBe('silence');
    await expectDrop(0, 'off-link');
    (await scans(1)).forEach(expectComplete);
  });
});

function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  return `median ${median.toFixed(1)} ms, at most ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;
}

/** To machine 3, which is on subnet 0 alone; the kernel fills in the IP checksum. */
const FORGED_PORT_ZERO = `
import socket, struct
text = b'SERVICE DISCOVERY'
udp = struct.pack('!HHHH', 0, ${PORT}, 8 + len(text), 0) + text
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
asking.settimeout(0.5)
for _ in range(3):
    asking.sendto(b'SERVICE DISCOVERY', ('10.77.0.10', ${PORT}))
try:
    asking.recvfrom(2048)
    print('reply')
except TimeoutError:
    print('silence')
`;
}
