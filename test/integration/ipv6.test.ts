import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { privileged } from '../support/privileges.js';
import { run, serve, type Server } from '../support/program.js';

let folder: string;
let lan: Lan;
let amber: Host;
let coral: Host;
/** Without any link at first. */
let dusk: Host;
let server: Server;

/** The link-local address of a machine on subnet 0. */
function linkLocal({ namespace }: Host): string {
  const words = ['-n', namespace, '-6', '-j', 'addr', 'show', 'dev', 'e0', 'scope', 'link'];
  const [info] = JSON.parse(execFileSync('ip', words, { encoding: 'utf8' })) as {
    addr_info: { local: string }[];
  }[];
  const address = info?.addr_info[0]?.local;
  if (address === undefined) throw new Error('no link-local address');
  return address;
}

describe.skipIf(!privileged)('machines without IPv4', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-ipv6-'));
    lan = await buildLan(folder, [
      { name: 'amber', subnets: [0], ipv6Only: true },
      { name: 'coral', subnets: [0], ipv6Only: true },
      { name: 'dusk', subnets: [], ipv6Only: true },
    ]);
    [amber, coral, dusk] = lan.hosts as [Host, Host, Host];
    await mkdir(join(amber.folder, 'serverDirectory'));
    await writeFile(join(amber.folder, 'serverDirectory/plan.txt'), 'the plan\n');
    await vi.waitFor(
      () => {
        expect([linkLocal(amber), linkLocal(coral)]).toHaveLength(2);
      },
      { timeout: 15_000 },
    );
    server = await serve(amber, ['--name', 'amber', '--open']);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('a server says its link-local address where it has no other', () => {
    expect(server.told()[0]).toMatchObject({ event: 'serving', addresses: [linkLocal(amber)] });
  });

  test('scan finds it by multicast, with the zone that leads there', async () => {
    const { code, lines } = await run(coral, ['scan', '--json']);
    expect(code).toBe(0);
    expect(lines).toMatchObject([
      { event: 'server', name: 'amber', addresses: [`${linkLocal(amber)}%e0`] },
    ]);
  });

  test('a file comes from it, by its name, and it is known by address afterwards', async () => {
    const { code, lines } = await run(coral, ['get', '--json', 'amber', 'plan.txt']);
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ event: 'received', as: expect.anything() as unknown });
    const arrived = join(coral.folder, 'clientDirectory/new_plan.txt');
    expect(await readFile(arrived, 'utf8')).toBe('the plan\n');
    const seen = await readFile(join(coral.state, 'seen.json'), 'utf8');
    expect(seen).toContain(`"host":"${linkLocal(amber)}%e0"`);
  });

  test.each([
    ['an address with its zone', () => [`[${linkLocal(amber)}%e0]:${server.port}`]],
    ['the usual port', () => [`${linkLocal(amber)}%e0`]],
  ])('connects to %s', async (_what, where) => {
    const { code, stdout } = await run(coral, ['list', ...where()]);
    expect(code).toBe(0);
    expect(stdout).toContain('plan.txt');
  });

  test('connects at the prompt too, the port being a word of its own', async () => {
    const lines = `connect ${linkLocal(amber)}%e0 ${server.port}\nrlist\nbye\n`;
    const { code, stdout } = await run(coral, [], lines);
    expect(code).toBe(0);
    expect(stdout).toContain(`connected to amber at [${linkLocal(amber)}%e0]:${server.port}`);
  });

  test('an address without its zone is told in words', async () => {
    const { code, stderr } = await run(coral, ['list', linkLocal(amber)]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^lanpost: "fe80\S+" .*\n {2}\S.*%/);
  });

  test('a link that comes while a server runs is heard without a restart', async () => {
    await using late = await serve(dusk, ['--name', 'dusk']);
    expect(late.told()[0]).toMatchObject({ addresses: [] });
    dusk.plug(0);
    await vi.waitFor(
      async () => {
        const { lines } = await run(coral, ['scan', '--json']);
        expect(lines.map(({ name }) => name)).toContain('dusk');
      },
      { timeout: 40_000, interval: 1000 },
    );
  });
});
