import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { codes, commands, doctor, findings } from '../support/doctor.js';
import { program, rules, sh } from '../support/on-host.js';
import { mayFilter } from '../support/privileges.js';
import { main, run, serve, type Line, type Server } from '../support/program.js';

const serverAddress = '10.78.0.11';
let folder: string;
let lan: Lan;
let client: Host;
let server: Host;
let serving: Server | undefined;
const programs: AsyncDisposable[] = [];

/** Another program of that machine, until the test ends. */
async function beside(host: Host, words: readonly string[]): Promise<{ readonly pid: number }> {
  const other = await program(host, words);
  programs.push(other);
  return other;
}

async function startServer(words: readonly string[] = []): Promise<void> {
  serving = await serve(server, ['--name', 'amber', '--mdns', 'off', ...words]);
}

async function isFound(): Promise<boolean> {
  const { code, stdout } = await run(client, ['scan', '--mdns', 'off', '--scan-timeout', '900ms']);
  expect(code).toBe(stdout.includes(serverAddress) ? 0 : 3);
  return code === 0;
}

/** The first finding is this one, the exit code says so, and what it says to type makes the server appear. */
async function expectMended(host: Host, code: string, least = 1): Promise<void> {
  expect(await isFound()).toBe(false);
  const ended = await doctor(host);
  expect(codes(ended)[0]).toBe(code);
  expect(ended.code).toBe(3);
  const typed = commands(ended);
  expect(typed.length).toBeGreaterThanOrEqual(least);
  for (const line of typed) sh(host, line);
  await expect.poll(isFound).toBe(true);
}

const dropAllButEstablished = `
table inet guard {
  chain inward {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iif lo accept
  }
}`;

describe.skipIf(!mayFilter())('doctor, with each cause made on purpose', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-doctor-'));
  });

  beforeEach(async () => {
    lan = await buildLan(folder, [
      { name: 'coral', subnets: [0] },
      { name: 'amber', subnets: [0] },
    ]);
    [client, server] = lan.hosts as [Host, Host];
    // Each cause alone: what one way loses another may find.
    for (const host of [client, server])
      sh(host, 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6');
    await mkdir(join(server.folder, 'serverDirectory'), { recursive: true });
  });

  afterEach(async () => {
    await serving?.[Symbol.asyncDispose]();
    serving = undefined;
    for (const one of programs.splice(0)) await one[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('nothing: both sides say so, and what was looked at', async () => {
    await startServer();
    expect(await isFound()).toBe(true);
    const ended = await doctor(client, [serverAddress]);
    expect(ended.code).toBe(0);
    expect(codes(ended)).toEqual(['fine', 'server-fine', 'no-default-route']);
    const checks = ended.lines.filter(({ event }) => event === 'check');
    expect(checks.find(({ name }) => name === 'e0')).toMatchObject({
      v: 1,
      kind: 'wired',
      address: '10.78.0.10/24',
      errors: [],
      ownHeard: true,
      answers: [serverAddress],
    });
    const there = await doctor(server);
    expect(there.code).toBe(0);
    expect(codes(there)[0]).toBe('fine');
  });

  test('it changes nothing: no key, no state, no rule', async () => {
    const before = sh(client, 'nft list ruleset; ip -4 -o address');
    await doctor(client);
    expect(sh(client, 'nft list ruleset; ip -4 -o address')).toBe(before);
    expect(sh(client, `ls -A ${client.folder}`)).toBe('');
  });

  test('nobody serves: another machine is there', async () => {
    const ended = await doctor(client);
    expect(ended.code).toBe(3);
    expect(codes(ended)[0]).toBe('no-server');
    const named = await doctor(client, [serverAddress]);
    expect(codes(named)[0]).toBe('server-refused');
  });

  test('the UDP port is taken by another program', async () => {
    const { pid } = await beside(server, ['socat', '-u', 'UDP4-RECV:30000', '-']);
    await startServer();
    expect(await isFound()).toBe(false);
    const ended = await doctor(server);
    expect(findings(ended)[0]).toMatchObject({ code: 'port-taken', commands: [`kill ${pid}`] });
    expect(findings(ended)[0]?.['message']).toContain(`socat (process ${pid})`);
    expect(codes(await doctor(client, [serverAddress]))[0]).toBe('server-tcp-only');
    expect(codes(await doctor(client))[0]).toBe('silent-servers');
    sh(server, commands(ended)[0] ?? '');
    // The server tries the port again every 5 s.
    await expect.poll(isFound, { timeout: 15_000 }).toBe(true);
  });

  test('the TCP port is taken: a note, as the server takes the next', async () => {
    const { pid } = await beside(server, ['socat', '-u', 'TCP4-LISTEN:30001,fork', '-']);
    await startServer();
    expect(await isFound()).toBe(true);
    const ended = await doctor(server);
    expect(ended.code).toBe(0);
    const taken = findings(ended).find(({ code }) => code === 'tcp-taken');
    expect(taken?.['message']).toContain(`socat (process ${pid})`);
    const wrongPort = await doctor(client, [`${serverAddress}:30001`]);
    expect(codes(wrongPort)[0]).toBe('server-udp-only');
  });

  test('nft drops probes that come in', async () => {
    await startServer();
    rules(
      server,
      `table inet guard {
        chain inward {
          type filter hook input priority filter;
          udp dport { 137, 29000-31000 } drop
        }
      }`,
    );
    await expectMended(server, 'firewall-in');
  });

  test('nft drops probes that go out', async () => {
    await startServer();
    rules(
      client,
      `table inet guard {
        chain outward {
          type filter hook output priority filter;
          udp dport 30000 drop
        }
      }`,
    );
    await expectMended(client, 'firewall-out');
  });

  test('a client that lets in only what is established', async () => {
    await startServer();
    rules(client, dropAllButEstablished);
    await expectMended(client, 'firewall-replies');
  });

  test('a server that lets in only what is established', async () => {
    await startServer();
    rules(server, dropAllButEstablished);
    const silent = await doctor(client, [serverAddress]);
    expect(codes(silent)[0]).toBe('server-silent');
    await expectMended(server, 'firewall-in', 2);
    expect(codes(await doctor(client, [serverAddress]))).toContain('server-fine');
  });

  test('iptables drops probes that come in, in a chain of its own', async () => {
    await startServer();
    sh(
      server,
      'iptables -N strict; iptables -A strict -p udp -m multiport --dports 137,30000 -j DROP',
    );
    sh(server, 'iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -i e+ -j strict');
    await expectMended(server, 'firewall-in');
  });

  test('the interface is switched off', async () => {
    await startServer();
    sh(client, 'ip link set e0 down');
    await expectMended(client, 'interface-down');
  });

  test('nothing at the other end of the cable', async () => {
    await startServer();
    client.cable(0, 'down');
    const ended = await doctor(client);
    expect(ended.code).toBe(3);
    expect(findings(ended)[0]).toMatchObject({ code: 'no-carrier', commands: [] });
    client.cable(0, 'up');
    await expect.poll(isFound).toBe(true);
  });

  test('the wrong mask: the server answers, but from another network', async () => {
    await startServer();
    sh(client, 'ip address flush dev e0; ip address add 10.78.0.200/30 brd + dev e0');
    const ended = await doctor(client);
    expect(ended.code).toBe(3);
    expect(findings(ended)[0]).toMatchObject({ code: 'wrong-mask', commands: [] });
    expect(findings(ended)[0]?.['message']).toContain(serverAddress);
  });

  test('two networks on one wire: who asks is heard', async () => {
    sh(client, 'ip address flush dev e0; ip address add 10.99.0.1/24 brd + dev e0');
    const over = new AbortController();
    const looking = doctor(server).finally(() => {
      over.abort();
    });
    while (!over.signal.aborted) await run(client, ['scan', '--scan-timeout', '500ms']);
    const ended = await looking;
    expect(codes(ended)[0]).toBe('wrong-mask');
    expect(findings(ended)[0]?.['message']).toContain('10.99.0.1');
    const named = await doctor(client, [serverAddress]);
    expect(codes(named)[0]).toBe('server-no-route');
  });

  test('a switch that keeps its ports apart', async () => {
    await startServer();
    isolate('on');
    expect(await isFound()).toBe(false);
    const ended = await doctor(client);
    expect(ended.code).toBe(3);
    expect(codes(ended)[0]).toBe('kept-apart');
    expect(codes(await doctor(client, [serverAddress]))[0]).toBe('server-gone');
    isolate('off');
    await expect.poll(isFound).toBe(true);
    isolate('on');
    // Now both have each other's hardware address, and still nothing comes through.
    expect(codes(await doctor(client))[0]).toBe('kept-apart');
  });

  test('a server that is off, and a name that nobody has', async () => {
    sh(server, 'ip link set e0 down');
    expect(codes(await doctor(client, [serverAddress]))[0]).toBe('server-gone');
    expect(codes(await doctor(client, ['nobody.invalid']))[0]).toBe('server-unknown');
  });

  test('only loopback is up; then nothing is', async () => {
    sh(client, 'ip link delete e0');
    const alone = await doctor(client);
    expect([alone.code, codes(alone)[0]]).toEqual([3, 'only-loopback']);
    sh(client, 'ip link set lo down');
    const none = await doctor(client);
    expect([none.code, codes(none)[0]]).toEqual([3, 'no-interface']);
  });

  test('a scan that finds nobody says the same, and explains itself', async () => {
    await startServer();
    rules(client, dropAllButEstablished);
    const words = String(findings(await doctor(client))[0]?.['message']);
    const scan = await run(client, [
      'scan',
      '--explain',
      '--mdns',
      'off',
      '--scan-timeout',
      '900ms',
    ]);
    expect(scan.code).toBe(3);
    expect(scan.stderr).toMatch(/^lanpost: no server found$/m);
    expect(scan.stderr).toContain(`\n  ${words}\n`);
    expect(scan.stdout).toMatch(/^ {2}e0 .*own broadcast NOT heard, no answer$/m);
  });

  test('who is not root hears what root would add', async () => {
    await startServer();
    rules(client, dropAllButEstablished);
    const state = join(client.folder, 'nobody');
    sh(client, `mkdir ${state}; chown 65534:65534 ${state}; chmod a+x ${folder} ${client.folder}`);
    const asNobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
    const out = sh(
      client,
      `cd ${state}; LANPOST_HOME=${state} ${asNobody} ${process.execPath} ${main} doctor --json || test $? = 3`,
    );
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const [first] = lines;
    expect(first).toMatchObject({ code: 'firewall-replies', commands: [] });
    expect(lines.find(({ code }) => code === 'firewall-unread')).toMatchObject({
      weight: 'may',
      commands: ['sudo lanpost doctor'],
    });
  });
});

/** Lets the ports of the switch speak to no other port, or to all. */
function isolate(state: 'on' | 'off'): void {
  const namespace = `lp${process.pid}x`;
  sh(
    { namespace },
    `bridge link set dev h0s0 isolated ${state}; bridge link set dev h1s0 isolated ${state}`,
  );
}
