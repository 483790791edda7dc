import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePlace, run, serve, type Place, type Server } from '../support/program.js';

let folder: string;
let amber: Place;
let basil: Place;
let server: Server;
let where: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-pairing-'));
  [amber, basil] = [await makePlace(join(folder, 'amber')), await makePlace(join(folder, 'basil'))];
  server = await serve(amber, ['--tcp-port', '0']);
  where = `127.0.0.1:${server.port}`;
  await writeFile(join(amber.folder, 'serverDirectory', 'plan.txt'), 'A plan.');
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The code as `lanpost pair` prints it: alone on standard output. */
async function newCode(): Promise<string> {
  const { code, stdout } = await run(amber, ['pair']);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^[0-9A-Z]{4}-[0-9A-Z]{4}\n$/) as string,
  });
  return stdout.trim();
}

async function listed(words: readonly string[] = [], input = ''): Promise<number | null> {
  return (await run(basil, ['list', where, ...words], input)).code;
}

test('a code from a private file makes a machine known, and is not asked for again', async () => {
  expect(await listed()).toBe(4);
  const code = await newCode();
  const asked = await run(basil, ['list', where]);
  expect(asked).toMatchObject({ code: 4, stdout: '' });
  expect(asked.stderr).toContain('the server asks for a code');
  await writeFile(join(basil.folder, 'open'), code, { mode: 0o644 });
  expect(await listed(['--code-file', 'open'])).toBe(2);
  await writeFile(join(basil.folder, 'code'), `${code.toLowerCase()}\n`, { mode: 0o600 });
  const paired = await run(basil, ['list', where, '--code-file', 'code']);
  expect(paired).toMatchObject({ code: 0, stdout: expect.stringContaining('plan.txt') as string });
  expect(paired.stderr).toContain('it needs no code again');
  expect(await listed()).toBe(0);
});

test('peers shows both sides what they know, and changes it', async () => {
  const here = await run(basil, ['peers', '--json']);
  expect(here.lines).toMatchObject([{ event: 'peer', id: server.id, rights: [], how: 'code' }]);
  const [known] = (await run(amber, ['peers', '--json'])).lines;
  expect(known).toMatchObject({ event: 'peer', rights: ['read', 'write'], how: 'code' });
  const name = String(known?.['name']);
  expect((await run(amber, ['peers', 'rename', name, 'attic'])).code).toBe(0);
  expect((await run(amber, ['peers', 'rights', 'attic', 'write'])).code).toBe(0);
  expect(await listed()).toBe(4);
  expect((await run(amber, ['peers', 'rights', 'attic', 'everything'])).code).toBe(2);
  expect((await run(amber, ['peers', 'forget', 'attic'])).code).toBe(0);
  expect((await run(amber, ['peers', 'forget', 'attic'])).code).toBe(2);
  expect((await run(amber, ['peers'])).stdout).toBe('');
  expect(await listed()).toBe(4);
});

test('a code comes from standard input too', async () => {
  expect(await listed(['--code-file', '-'], `${await newCode()}\n`)).toBe(0);
});

test('without a code, by full ids on both sides', async () => {
  const cobalt = await makePlace(join(folder, 'cobalt'));
  await run(cobalt, ['list', where]);
  const { id } = await serve(cobalt, ['--tcp-port', '0']).then(async (one) => {
    await one[Symbol.asyncDispose]();
    return one;
  });
  expect((await run(amber, ['peers', 'add', id, 'cobalt', 'read'])).code).toBe(0);
  expect((await run(cobalt, ['list', where])).code).toBe(4);
  expect((await run(cobalt, ['peers', 'add', server.id, 'amber'])).code).toBe(0);
  expect((await run(cobalt, ['list', where])).code).toBe(0);
});

test('pair without a server, and a code for too many', async () => {
  const alone = await makePlace(join(folder, 'alone'));
  expect((await run(alone, ['pair'])).code).toBe(3);
  expect((await run(amber, ['pair', '--pair-many', '1000'])).code).toBe(2);
  const many = await run(amber, ['pair', '--pair-many', '2']);
  expect(many.stderr).toContain('can stand between');
});

/** All that the server has said, and what the system tells of its process. */
async function said(): Promise<string[]> {
  const environment = await readFile(`/proc/${server.pid}/environ`, 'utf8').catch(() => '');
  server.kill('SIGTERM');
  const { stdout, stderr } = await server.ended;
  expect(stdout).toContain('serving');
  return [environment, stdout, stderr];
}

test('who makes a new code hears that several machines lose the one before', async () => {
  await run(amber, ['pair', '--pair-many', '30']);
  const { stderr } = await run(amber, ['pair']);
  expect(stderr).toBe('the code before is void, which 30 more machines could have used\n');
  expect((await run(amber, ['pair'])).stderr).toBe('');
});

test('secrets are in no file of the states but the keys, in no process, and in nothing that was said', async () => {
  const code = await newCode();
  const coral = await makePlace(join(folder, 'coral'));
  const used = await run(coral, ['list', where, '--code-file', '-'], `${code}\n`);
  expect(used.code).toBe(0);
  const running = execFileSync('ps', ['-eo', 'args']).toString();
  const texts = [running, used.stdout, used.stderr, ...(await said())];
  for (const place of [amber, basil, coral]) {
    for (const name of await readdir(place.state, { recursive: true })) {
      if (name === 'identity.pem') continue;
      texts.push(await readFile(join(place.state, name), 'utf8').catch(() => ''));
    }
  }
  const key = await readFile(join(amber.state, 'identity.pem'), 'utf8');
  const secret = key.split('\n')[1] ?? '';
  expect(secret.length).toBeGreaterThan(20);
  for (const text of texts) {
    expect(text).not.toContain(code);
    expect(text).not.toContain(code.replace('-', ''));
    expect(text).not.toContain(secret);
  }
});
