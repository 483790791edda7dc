import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sameContents } from '../support/files.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { freePort } from '../support/ports.js';
import { privileged } from '../support/privileges.js';
import { makePlace, run, serve, type Place, type Server } from '../support/program.js';
import { clientLimits } from '../support/served-share.js';
import { findNode, makeExecutable, makeScript } from '../support/single.js';

const root = join(import.meta.dirname, '../..');
const single = join(root, 'dist/single/lanpost');
const built = spawnSync(process.execPath, [join(root, 'test/single.js')], { encoding: 'utf8' });
const there = isThere();
const MiB = 1024 ** 2;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-single-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Only where no Node for it can be had is it no failure that there is none. */
function isThere(): boolean {
  if (built.status === 0) return true;
  if (process.env['SKIP_NOTHING'] || !built.stderr.includes('npm has no node'))
    throw new Error(built.stderr);
  process.stderr.write(`skipped: the single file (${built.stderr.trim()})\n`);
  return false;
}

/** The same place for the single file, with nothing of this machine's surroundings: no PATH, no home. */
function alone(place: Place): Place {
  const surroundings = ['PATH=', `LANPOST_HOME=${place.state}`];
  const quiet = place.namespace === undefined ? ['LANPOST_MDNS=off'] : [];
  return { ...place, program: ['/usr/bin/env', '-i', ...surroundings, ...quiet, single] };
}

test.skipIf(!there)('is built in steps that are told', () => {
  expect(built.stdout).toMatch(
    /^Node: +\S+\nscript: +\S+\nexecutable: +\S+\nit says: +lanpost [\d.]+\n$/,
  );
});

test.skipIf(!there)('says what it is, explains itself, and completes', async () => {
  const place = alone(await makePlace(join(folder, 'words')));
  expect((await run(place, ['--version'])).stdout).toBe(built.stdout.split(/: +/).at(-1));
  expect((await run(place, ['--help'])).stdout).toContain('usage: lanpost');
  expect((await run(place, ['help', '--man'])).stdout).toContain('.TH LANPOST 1');
  expect((await run(place, ['completion', 'fish'])).stdout).toContain('complete -c lanpost');
  expect(await run(place, ['no-verb'])).toMatchObject({ code: 2, stdout: '' });
});

test.skipIf(!there)('gets a file in a thread of its own', async () => {
  const place = alone(await makePlace(join(folder, 'thread')));
  await mkdir(join(place.folder, 'here'));
  await mkdir(join(place.folder, 'shared'));
  await writeFile(join(place.folder, 'shared', 'big.bin'), randomBytes(192 * MiB));
  const ports = ['--tcp-port', '0', '--udp-port', String(await freePort('udp'))];
  await using server = await serve(place, [...ports, 'shared']);
  // Whether a thread pays depends on the machine, so the same script as elsewhere says that it does.
  const script = join(folder, 'thread-get.mjs');
  await makeScript('test/support/thread-get.js', script);
  const executable = makeExecutable(findNode(), script, join(folder, 'thread-get'));
  const { state } = place;
  const options = { state, port: server.port, path: 'big.bin', folder: join(place.folder, 'here') };
  const words = JSON.stringify({ ...options, limits: clientLimits });
  const { stdout } = await promisify(execFile)('/usr/bin/env', ['-i', executable, words]);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(lines).toEqual([
    { thread: true },
    { ended: [expect.objectContaining({ outcome: 'received', size: 192 * MiB })] },
  ]);
  const [sent, arrived] = ['shared/big.bin', 'here/new_big.bin'].map((path) =>
    join(place.folder, path),
  );
  expect(await sameContents(sent!, arrived!)).toBe(true);
});

describe.skipIf(!there || !privileged)('on a network of its own', () => {
  let lan: Lan;
  let amber: Host;
  let basil: Host;
  let server: Server;
  let where: string;

  beforeAll(async () => {
    lan = await buildLan(folder, [
      { name: 'amber', subnets: [0] },
      { name: 'basil', subnets: [0] },
    ]);
    [amber, basil] = lan.hosts as [Host, Host];
    server = await serve(alone(amber), ['--name', 'amber', '--udp-port', '31000']);
    where = `${amber.addresses[0]}:${server.port}`;
    await writeFile(join(amber.folder, 'serverDirectory', 'plan.txt'), 'A plan.');
    await writeFile(join(amber.folder, 'serverDirectory', 'big.bin'), randomBytes(64 * MiB));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
  });

  test('a server is found by mDNS, and by its own port', async () => {
    const found = async (...words: string[]): Promise<unknown> => {
      const { lines } = await run(alone(basil), ['scan', '--json', ...words]);
      return lines.find(({ event }) => event === 'server')?.['marks'];
    };
    // Where nothing but mDNS can find it; it says its name only after a while.
    await expect.poll(() => found(), { timeout: 20_000 }).toEqual(['mdns']);
    expect(await found('--udp-port', '31000', '--mdns', 'off')).toEqual([]);
  });

  test('it pairs, lists, gets and puts, in one shot and from a script, with itself and with others', async () => {
    const { stdout: code } = await run(alone(amber), ['pair']);
    const codeFile = join(basil.folder, 'code');
    await writeFile(codeFile, code, { mode: 0o600 });
    await chmod(codeFile, 0o600);
    const listed = await run(alone(basil), ['list', where, '--code-file', codeFile]);
    expect(listed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('plan.txt') as string,
    });

    const got = await run(alone(basil), ['get', where, 'big.bin', '--json']);
    expect(got.lines).toMatchObject([
      { event: 'received', digest: expect.stringMatching(/^sha256:/) as string },
    ]);
    const [sent, arrived] = [
      join(amber.folder, 'serverDirectory', 'big.bin'),
      join(basil.folder, 'clientDirectory', 'new_big.bin'),
    ];
    expect(await sameContents(sent, arrived)).toBe(true);

    const script = `connect ${where}\nrlist\nget plan.txt\nbye\n`;
    expect(await run(alone(basil), [], script)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('clientDirectory/new_plan.txt  verified') as string,
    });

    // The program of the package talks to it, and finds its way to the digest that both have.
    await writeFile(join(basil.folder, 'notes.txt'), 'Notes.');
    const put = await run(basil, ['put', where, 'notes.txt', '--json']);
    expect(put.lines).toMatchObject([
      { event: 'stored', digest: expect.stringMatching(/^sha256:/) as string },
    ]);
  });

  test('it ends when it is asked to', async () => {
    expect((await run(alone(amber), ['shutdown'])).code).toBe(0);
    expect((await server.ended).code).toBe(0);
  });
});
