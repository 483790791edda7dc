import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { rules } from '../support/on-host.js';
import { privileged } from '../support/privileges.js';
import { run, serve, type Server } from '../support/program.js';

/** As ufw and firewalld have it: in comes only what answers something that went out to that very host. */
const firewall = `
table inet closed {
  chain in {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iif lo accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
  }
}`;
const names = ['amber', 'basalt', 'coral'];

let folder: string;
let lan: Lan;
let client: Host;
let servers: Server[];

describe.skipIf(!privileged)('behind a firewall that lets in only what was asked for', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-sweep-'));
    const plans = [...names, 'dusk'].map((name) => ({ name, subnets: [0] }));
    lan = await buildLan(folder, plans);
    const hosts = lan.hosts.slice(0, names.length);
    client = lan.hosts.at(-1)!;
    servers = await Promise.all(
      hosts.map((host, at) => serve(host, ['--name', names[at] ?? '', '--open'])),
    );
    rules(client, firewall);
  });

  afterAll(async () => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await lan[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('the answers to a broadcast are lost', async () => {
    const { code } = await run(client, ['scan', '--scan-timeout', '1s']);
    expect(code).toBe(3);
  });

  test('a scan of the usual length asks each address, and finds all servers, each once', async () => {
    const { code, lines } = await run(client, ['scan', '--json']);
    expect(code).toBe(0);
    expect(lines.map(({ event }) => event)).toEqual(names.map(() => 'server'));
    expect(lines.map(({ name }) => name).sort()).toEqual(names);
    expect(lines.flatMap((line) => line['addresses']).sort()).toEqual(
      lan.hosts.slice(0, names.length).flatMap(({ addresses }) => addresses),
    );
  });

  test('a name is found, and a server that was reached is found without a sweep from then on', async () => {
    expect(await run(client, ['list', 'basalt'])).toMatchObject({ code: 0 });
    const { lines } = await run(client, ['scan', '--json', '--scan-timeout', '1s']);
    expect(lines.map(({ name }) => name)).toEqual(['basalt']);
  });

  test('who knows one finds the others by --deep', async () => {
    const { lines } = await run(client, ['scan', '--json', '--deep']);
    expect(
      lines
        .filter(({ event }) => event === 'server')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(names);
  });
});
