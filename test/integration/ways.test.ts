import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { sh } from '../support/on-host.js';
import { mayFilter } from '../support/privileges.js';
import { run, serve, type Line, type Server } from '../support/program.js';

let folder: string;
let lan: Lan;
/** Amber is on both networks, coral on the first, far on the second, and the router between them. */
let amber: Host;
let far: Host;
let coral: Host;
let router: Host;
let servers: Server[];

const quiet = ['--mdns', 'off'];
const addresses = { amber: '10.78.0.10', far: '10.78.1.11' };

async function names(): Promise<readonly unknown[]> {
  const { lines } = await run(coral, ['scan', '--json', ...quiet]);
  const rows = lines.filter(({ event }: Line) => event === 'server');
  return rows.map(({ name }) => name).sort();
}

describe.skipIf(!mayFilter())('more than one way to a server', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-ways-'));
    lan = await buildLan(folder, [
      { name: 'amber', subnets: [0, 1] },
      { name: 'far', subnets: [1] },
      { name: 'coral', subnets: [0] },
      { name: 'router', subnets: [0, 1] },
    ]);
    [amber, far, coral, router] = lan.hosts as [Host, Host, Host, Host];
    sh(router, 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    sh(coral, 'ip route add 10.78.1.0/24 via 10.78.0.13');
    sh(far, 'ip route add 10.78.0.0/24 via 10.78.1.13');
    for (const host of [amber, far]) {
      await mkdir(join(host.folder, 'serverDirectory'), { recursive: true });
      await writeFile(join(host.folder, `serverDirectory/${host.name}.txt`), host.name);
    }
    servers = await Promise.all(
      [amber, far].map((host) => serve(host, ['--name', host.name, '--open', ...quiet])),
    );
  });

  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('behind a router no broadcast finds it; once reached, it is asked there directly', async () => {
    expect(await names()).toEqual(['amber']);
    expect((await run(coral, ['list', addresses.far])).stdout).toContain('far.txt');
    expect(await names()).toEqual(['amber', 'far']);
    expect((await run(coral, ['list', 'far', ...quiet])).stdout).toContain('far.txt');
  });

  test('an address that has died is overtaken by one that works, and both stay known', async () => {
    // It answers probes at both of its addresses, but takes connections over IPv6 only.
    sh(amber, 'iptables -I INPUT -p tcp --dport 30001 -j DROP');
    const { code, stdout } = await run(coral, ['list', 'amber', ...quiet]);
    sh(amber, 'iptables -F INPUT');
    expect(code).toBe(0);
    expect(stdout).toContain('amber.txt');
    const seen = JSON.parse(await readFile(join(coral.state, 'seen.json'), 'utf8')) as {
      name: string;
      host: string;
      others: string[];
    }[];
    const row = seen.find(({ name }) => name === 'amber');
    expect(row?.host).toMatch(/^fe80:.*%e0$/);
    expect(row?.others).toContain(addresses.amber);
  });
});
