import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressesOf, codes, commands } from '../support/doctor.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { program, sh } from '../support/on-host.js';
import { mayManageFirewalls } from '../support/privileges.js';
import { main, run, serve, type Line, type Server } from '../support/program.js';

let folder: string;
let lan: Lan;
let client: Host;
let server: Host;
let serving: Server | undefined;

/** With a folder of settings and a /run of its own, so that nothing of the machine's own is touched. */
function apart(settings: string, line: string): string {
  const copy = join(folder, 'settings');
  return [
    `mkdir -p ${copy} && cp -an ${settings}/. ${copy}/`,
    `mount --bind ${copy} ${settings}`,
    'mount -t tmpfs tmpfs /run && mkdir -p /run/dbus',
    line,
  ].join(' && ');
}

/** A doctor on that machine, started by `wrap` around its command. */
function doctorBy(host: Host, wrap: (line: string) => string): { readonly lines: readonly Line[] } {
  const line = `LANPOST_HOME=${host.state} ${process.execPath} ${main} doctor --json || test $? = 3`;
  const out = sh(host, wrap(line));
  const lines = out.split('\n').filter((text) => text.startsWith('{"v"'));
  return { lines: lines.map((text) => JSON.parse(text) as Line) };
}

async function families(): Promise<readonly string[]> {
  const { lines } = await run(client, [
    'scan',
    '--json',
    '--mdns',
    'off',
    '--scan-timeout',
    '900ms',
  ]);
  const all = lines.flatMap(addressesOf);
  const there = all.filter((address) => !address.startsWith('127.'));
  return [...new Set(there.map((address) => (address.includes(':') ? 'IPv6' : 'IPv4')))].sort();
}

/** What it says to type opens the machine for both families, and for nothing else. */
async function expectOpened(wrap: (line: string) => string, least: number): Promise<void> {
  serving = await serve(server, ['--name', 'amber', '--mdns', 'off', '--open']);
  expect(await families()).toEqual([]);
  const ended = doctorBy(server, wrap);
  expect(codes(ended)[0]).toBe('firewall-in');
  expect(codes(ended)).not.toContain('firewall-depends');
  const typed = commands(ended);
  expect(typed.length).toBeGreaterThanOrEqual(least);
  for (const line of typed) sh(server, wrap(line));
  await expect.poll(families).toEqual(['IPv4', 'IPv6']);
  expect((await run(client, ['list', 'amber'])).code).toBe(0);
  expect(codes(doctorBy(server, wrap))).not.toContain('firewall-in');
}

describe.skipIf(!mayManageFirewalls())(
  'doctor with the programs that keep rules for people',
  () => {
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lanpost-managers-'));
      lan = await buildLan(folder, [
        { name: 'coral', subnets: [0] },
        { name: 'amber', subnets: [0] },
      ]);
      [client, server] = lan.hosts as [Host, Host];
      await mkdir(join(server.folder, 'serverDirectory'), { recursive: true });
    });

    afterEach(async () => {
      await serving?.[Symbol.asyncDispose]();
      serving = undefined;
      await lan[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    const byUfw = (line: string): string => `unshare -m sh -c '${quoted(apart('/etc/ufw', line))}'`;

    test('ufw: a server opens what is missing', async () => {
      sh(server, byUfw('ufw --force enable'));
      await expectOpened(byUfw, 4);
      const status = sh(server, byUfw('ufw status'));
      expect(status).toMatch(/^30000\/udp +ALLOW +10\.78\.0\.0\/24/m);
      expect(status).not.toContain('Anywhere');
    });

    test('ufw: a client lets the answers in', async () => {
      serving = await serve(server, ['--name', 'amber', '--mdns', 'off']);
      sh(client, byUfw('ufw --force enable'));
      expect(await families()).toEqual([]);
      const ended = doctorBy(client, byUfw);
      expect(codes(ended)[0]).toBe('firewall-replies');
      for (const line of commands(ended)) sh(client, byUfw(line));
      await expect.poll(families).toEqual(['IPv4', 'IPv6']);
    });

    test('firewalld, in the zone of the interface', async () => {
      const daemons = [
        'dbus-daemon --system --fork --nopidfile',
        'echo started',
        'exec firewalld --nofork --nopid',
      ].join(' && ');
      // In a space of processes of its own, so that whatever is started for it ends with it.
      const started = [
        'unshare',
        '-m',
        '-p',
        '--fork',
        '--kill-child',
        'sh',
        '-c',
        apart('/etc/firewalld', daemons),
      ];
      await using daemon = await program(server, started);
      await daemon.says('started');
      const inside = (line: string): string =>
        `nsenter -t ${daemon.pid} -m sh -c '${quoted(line)}'`;
      await expect
        .poll(() => sh(server, inside('firewall-cmd --state 2>&1 || true')), { timeout: 20_000 })
        .toMatch(/^running/m);
      sh(server, inside('firewall-cmd --zone=home --change-interface=e0'));
      await expectOpened(inside, 8);
      const rules = sh(server, inside('firewall-cmd --zone=home --list-rich-rules'));
      expect(rules).toContain(
        'source address="10.78.0.0/24" port port="30000" protocol="udp" accept',
      );
      expect(sh(server, inside('firewall-cmd --zone=public --list-rich-rules')).trim()).toBe('');
    });
  },
);

function quoted(line: string): string {
  return line.replaceAll("'", "'\\''");
}
