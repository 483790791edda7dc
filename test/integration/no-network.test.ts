import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { privileged } from '../support/privileges.js';
import { run, serve } from '../support/program.js';

let folder: string;
let lan: Lan;
let hosts: readonly Host[];

/** Most of the time is waiting for nobody, so these run side by side. */
describe.skipIf(!privileged)('where nobody can be reached', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-no-network-'));
    lan = await buildLan(folder, [
      { name: 'coral', subnets: [0] },
      { name: 'dusk', subnets: [] },
      { name: 'ebony', subnets: [], dead: true },
    ]);
    hosts = lan.hosts;
  });

  afterAll(async () => {
    await lan[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test.concurrent('nobody at the address', async ({ expect }) => {
    const { code, stderr } = await run(hosts[0]!, ['list', '--connect-timeout=5s', '10.78.0.99']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^lanpost: 10\.78\.0\.99 .*\n {2}\S/);
  });

  test.concurrent('an address on no network of ours', async ({ expect }) => {
    const { code, stderr } = await run(hosts[0]!, ['list', '--connect-timeout=5s', '192.0.2.1']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^lanpost: 192\.0\.2\.1 cannot be reached from this network\n {2}\S/);
  });

  test.concurrent('no server on the network', async ({ expect }) => {
    const { code, stdout, stderr } = await run(hosts[0]!, ['scan', '--udp-port', '30099']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^lanpost: no server found\n {2}\S/);
  });

  test.concurrent('a name that no server has', async ({ expect }) => {
    const { code, stderr } = await run(hosts[0]!, ['list', 'nobody']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^lanpost: .*nobody.*\n {2}\S/);
  });

  test.concurrent(
    'with only loopback up, this machine is found, and said to be alone',
    async ({ expect }) => {
      const dusk = hosts[1]!;
      const alone = await run(dusk, ['scan']);
      expect(alone.code).toBe(3);
      expect(alone.stderr).toMatch(/^lanpost: .*no network: this machine only.*\n {2}\S/);
      await using server = await serve(dusk, ['--name', 'dusk']);
      const { code, stdout, stderr } = await run(dusk, ['scan']);
      expect(code).toBe(0);
      expect(stdout).toContain(`dusk's File Sharing Service  127.0.0.1:${server.port}`);
      expect(stderr).toContain('no network: this machine only');
      expect(await run(dusk, ['list', 'dusk'])).toMatchObject({ code: 0 });
    },
  );

  test.concurrent('with no interface up, every verb that needs one says so', async ({ expect }) => {
    const ebony = hosts[2]!;
    const scan = await run(ebony, ['scan']);
    expect(scan.code).toBe(3);
    expect(scan.stderr).toMatch(/^lanpost: no network interface is up\n {2}\S/);
    for (const address of ['127.0.0.1', '10.78.0.10']) {
      const { code, stderr } = await run(ebony, ['list', address]);
      expect(code).toBe(3);
      expect(stderr).toMatch(/^lanpost: \S.*\n {2}\S/);
    }
    const named = await run(ebony, ['list', 'amber']);
    expect(named.code).toBe(3);
  });
});
