import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addressesOf, codes, commands, doctor, findings } from '../support/doctor.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { program, rules, sh } from '../support/on-host.js';
import { mayFilter } from '../support/privileges.js';
import { run, serve, type Server } from '../support/program.js';

let folder: string;
let lan: Lan;
let client: Host;
let server: Host;
let serving: Server | undefined;

async function startServer(words: readonly string[] = []): Promise<void> {
  serving = await serve(server, ['--name', 'amber', '--mdns', 'off', ...words]);
}

/** Addresses at which the server is found. */
async function found(): Promise<readonly string[]> {
  const words = ['scan', '--json', '--mdns', 'off', '--scan-timeout', '900ms'];
  const { lines } = await run(client, words);
  return lines.flatMap(addressesOf);
}

async function isFoundOver(family: 'IPv4' | 'IPv6'): Promise<boolean> {
  return (await found()).some((address) => address.includes(':') === (family === 'IPv6'));
}

function linkLocal(host: Host): string {
  const [address = ''] = /fe80:\S+(?=\/64)/.exec(sh(host, 'ip -6 -o address show dev e0')) ?? [];
  return `${address}%e0`;
}

describe.skipIf(!mayFilter())('doctor, where there is IPv6 as well', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-doctor6-'));
  });

  beforeEach(async () => {
    lan = await buildLan(folder, [
      { name: 'coral', subnets: [0] },
      { name: 'amber', subnets: [0] },
    ]);
    [client, server] = lan.hosts as [Host, Host];
    await mkdir(join(server.folder, 'serverDirectory'), { recursive: true });
    await expect.poll(() => linkLocal(server)).toMatch(/^fe80/);
    await expect.poll(() => linkLocal(client)).toMatch(/^fe80/);
  });

  afterEach(async () => {
    await serving?.[Symbol.asyncDispose]();
    serving = undefined;
    await lan[Symbol.asyncDispose]();
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('nobody serves: another machine is there', async () => {
    const ended = await doctor(client);
    expect(ended.code).toBe(3);
    expect(codes(ended)[0]).toBe('no-server');
  });

  test('the UDP port is taken over IPv4, then over both', async () => {
    await using _taker = await program(server, ['socat', '-u', 'UDP4-RECV:30000', '-']);
    await startServer();
    expect([await isFoundOver('IPv4'), await isFoundOver('IPv6')]).toEqual([false, true]);
    const one = findings(await doctor(server)).find(({ code }) => code === 'port-taken');
    expect(one).toMatchObject({ weight: 'may' });
    expect(one?.['message']).toMatch(/found over IPv6 only$/);
    await serving?.[Symbol.asyncDispose]();
    await using _both = await program(server, [
      'socat',
      '-u',
      'UDP6-RECV:30000,ipv6-v6only=1',
      '-',
    ]);
    await startServer();
    expect(await found()).toEqual([]);
    const two = findings(await doctor(server))[0];
    expect(two).toMatchObject({ code: 'port-taken', weight: 'blocks' });
    expect(two?.['message']).toMatch(/not found$/);
  });

  test('no IPv4 address: the server is found, and doctor says what is missing', async () => {
    await startServer();
    sh(client, 'ip -4 address flush dev e0');
    expect(await isFoundOver('IPv6')).toBe(true);
    const ended = await doctor(client);
    expect(ended.code).toBe(0);
    expect(codes(ended)[0]).toBe('fine');
    await serving?.[Symbol.asyncDispose]();
    serving = undefined;
    const alone = await doctor(client);
    expect([alone.code, codes(alone)[0]]).toEqual([3, 'no-address']);
  });

  test('a server on another port whose TCP is dropped: the rule names that port', async () => {
    await startServer(['--tcp-port', '30002']);
    rules(
      server,
      `table inet guard {
        chain inward { type filter hook input priority filter; tcp dport 30002 drop
        }
      }`,
    );
    const ended = await doctor(server);
    expect(findings(ended)[0]).toMatchObject({ code: 'firewall-in', weight: 'blocks' });
    expect(codes(await doctor(client, ['10.78.0.11']))).toContain('server-udp-only');
    const typed = commands(ended);
    expect(typed).toEqual([
      'nft insert rule inet guard inward ip saddr 10.78.0.0/24 tcp dport 30002 accept',
      'nft insert rule inet guard inward ip6 saddr fe80::/64 tcp dport 30002 accept',
    ]);
    for (const line of typed) sh(server, line);
    expect(codes(await doctor(client, ['10.78.0.11']))).toContain('server-fine');
    expect(codes(await doctor(client, [linkLocal(server)]))).toContain('server-fine');
    expect(codes(await doctor(server))).not.toContain('firewall-in');
  });

  test.each([
    [
      'nft for IPv6',
      'nft add table ip6 guard; nft add chain ip6 guard inward "{ type filter hook input priority 0; }"; nft add rule ip6 guard inward udp dport 30000 drop',
    ],
    [
      'nft for both',
      'nft add table inet guard; nft add chain inet guard inward "{ type filter hook input priority 0; }"; nft add rule inet guard inward meta nfproto ipv6 udp dport 30000 drop',
    ],
    ['ip6tables', 'ip6tables -A INPUT -p udp --dport 30000 -j DROP'],
  ])('%s drops probes: found over IPv4, and the command opens IPv6', async (_, line) => {
    await startServer();
    sh(server, line);
    expect([await isFoundOver('IPv4'), await isFoundOver('IPv6')]).toEqual([true, false]);
    const ended = await doctor(server);
    const finding = findings(ended).find(({ code }) => code === 'firewall-in');
    expect(finding).toMatchObject({ weight: 'note' });
    expect(finding?.['message']).toMatch(/over IPv6$/);
    expect(codes(await doctor(client, [linkLocal(server)]))).toContain('server-tcp-only');
    for (const command of commands(ended, 'firewall-in')) sh(server, command);
    await expect.poll(() => isFoundOver('IPv6')).toBe(true);
    expect(codes(await doctor(server))).not.toContain('firewall-in');
  });

  test('a server that is named by its link-local address is asked by UDP too', async () => {
    await startServer();
    const ended = await doctor(client, [linkLocal(server)]);
    const fine = findings(ended).find(({ code }) => code === 'server-fine');
    expect(fine?.['message']).toBe(`amber at ${linkLocal(server)} can be reached by UDP and TCP`);
  });
});
