import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { privileged } from '../support/privileges.js';
import { makePlace, run, serve, type Place, type Server } from '../support/program.js';
import { mayConnectByPython, python, type Spoken } from '../support/second.js';

const chunk = 1024 * 1024;
const files = {
  empty: Buffer.alloc(0),
  one: Buffer.from('1'),
  chunk: randomBytes(chunk),
  'chunk and one': randomBytes(chunk + 1),
  'fünf große 山.bin': randomBytes(5 * chunk),
};

let folder: string;

/** What is served: the files, and a folder that holds them too, among many small ones and an empty folder. */
async function fill(share: string): Promise<void> {
  const below = join(share, 'tree', 'below');
  await mkdir(join(below, 'nothing'), { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    await writeFile(join(share, name), bytes);
    await writeFile(join(below, name), bytes);
  }
  for (let n = 0; n < 600; n += 1) await writeFile(join(share, 'tree', `file ${n}`), `${n}\n`);
}

/** By path: the digest of a file, `folder` for a folder. */
async function treeOf(top: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const what = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : 'folder';
    found[path.slice(top.length)] = what;
  }
  return found;
}

describe.skipIf(!mayConnectByPython())('a client that was written from the documents', () => {
  let amber: Place;
  let server: Server;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-second-'));
    amber = await makePlace(join(folder, 'amber'));
    await fill(join(amber.folder, 'serverDirectory'));
    server = await open(amber, '--open');
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(place: Place, ...words: string[]): Promise<Server> {
    return serve(place, ['--tcp-port', '0', ...words]);
  }

  /** Where a client keeps its key, by its name. */
  function state(name: string): string {
    return join(folder, `second-${name}`);
  }

  async function list(name: string, at: Server, ...words: string[]): Promise<Spoken> {
    const where = ['127.0.0.1', String(at.port), ...words];
    return python('lanpost.py', ['list', ...where, '--state', state(name)]);
  }

  async function get(path: string, target: string, ...words: string[]): Promise<Spoken> {
    const where = ['127.0.0.1', String(server.port), path, join(folder, target)];
    return python('lanpost.py', ['get', ...where, '--state', state('open'), ...words]);
  }

  test('lists the share of an open server, whose key is the one that is announced', async () => {
    const { code, lines } = await list('open', server, '--id', server.id);
    expect(code).toBe(0);
    expect(lines[0]).toMatchObject({ id: server.id, as: 'open', rights: ['read'] });
    const sizes = Object.entries(files).map(([name, bytes]) => [name, bytes.length]);
    const found = lines.filter(({ kind }) => kind === 'file').map(({ name, size }) => [name, size]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(sizes));
  });

  test.each(['blake3', 'sha256'])('gets files of all sizes, verified by %s', async (algorithm) => {
    for (const [name, bytes] of Object.entries(files)) {
      const target = `${algorithm} ${name}`;
      const { code, lines } = await get(name, target, '--digests', algorithm);
      expect({ name, code }).toEqual({ name, code: 0 });
      expect(lines.at(-1)).toMatchObject({ event: 'received', size: bytes.length });
      expect(bytes.equals(await readFile(join(folder, target)))).toBe(true);
      const source = await stat(join(amber.folder, 'serverDirectory', name));
      const { mtimeMs } = await stat(join(folder, target));
      expect(Math.abs(mtimeMs - source.mtimeMs)).toBeLessThan(1);
    }
  });

  test('says the same digest as the program', async () => {
    const local = await makePlace(join(folder, 'basil'));
    const { lines } = await run(local, [
      'get',
      '--json',
      `127.0.0.1:${server.port}`,
      'chunk and one',
    ]);
    const ours = lines.find(({ event }) => event === 'received');
    const theirs = (await get('chunk and one', 'compared')).lines.at(-1);
    expect(theirs?.['digest']).toMatch(/^blake3:/);
    expect(theirs?.['digest']).toBe(ours?.['digest']);
  });

  test('gets a folder with all that is in it', async () => {
    const { code, lines } = await get('tree', 'tree');
    expect({ code, last: lines.at(-1)?.event }).toEqual({ code: 0, last: 'folder' });
    const source = await treeOf(join(amber.folder, 'serverDirectory', 'tree'));
    expect(Object.keys(source).length).toBeGreaterThan(600);
    expect(await treeOf(join(folder, 'tree'))).toEqual(source);
  });

  test('is told what is wrong with a path', async () => {
    const missing = await get('missing', 'missing');
    expect(missing).toMatchObject({ code: 5 });
    expect(missing.lines.at(-1)).toMatchObject({ event: 'failed', code: 'not-found' });
    const file = await list('open', server, 'one');
    expect(file.lines.at(-1)).toMatchObject({ event: 'failed', code: 'not-a-folder' });
    const share = await get('', 'share');
    expect(share.lines.at(-1)).toMatchObject({ event: 'failed', code: 'is-folder' });
    const hidden = await get('.ssh', 'hidden');
    expect(hidden.lines.at(-1)).toMatchObject({ event: 'failed', code: 'name-refused' });
  });

  test('is denied where nothing is common', async () => {
    const newer = await list('open', server, '--hello-version', '2');
    expect(newer).toMatchObject({ code: 4 });
    expect(newer.lines).toMatchObject([{ event: 'failed', code: 'version-mismatch' }]);
    const other = await list('open', server, '--digests', 'md5');
    expect(other.lines).toMatchObject([{ event: 'failed', code: 'unsupported' }]);
  });

  test('takes no other key than the one that it saw here first', async () => {
    const file = join(state('open'), 'known.json');
    const known = JSON.parse(await readFile(file, 'utf8')) as { seen: Record<string, string> };
    const place = `127.0.0.1 ${server.port}`;
    expect(known.seen[place]).toBe(server.id);
    const other = {
      ...known,
      seen: { [place]: server.id.replace(/^./, (first) => (first === 'Z' ? 'Y' : 'Z')) },
    };
    await mkdir(state('wary'), { recursive: true });
    await writeFile(join(state('wary'), 'known.json'), JSON.stringify(other));
    const { code, lines } = await list('wary', server);
    expect({ code, lines }).toMatchObject({ code: 4, lines: [{ code: 'another-key' }] });
  });

  test('comes in with a key of Ed25519 too', async () => {
    await mkdir(state('edward'));
    const words = '-x509 -newkey ed25519 -nodes -keyout - -out - -subj /CN=x -days 9'.split(' ');
    const pem = execFileSync('openssl', ['req', ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
    await writeFile(join(state('edward'), 'identity.pem'), pem);
    expect((await list('edward', server)).code).toBe(0);
  });

  describe('at a closed server', () => {
    let birch: Place;
    let closed: Server;

    beforeAll(async () => {
      birch = await makePlace(join(folder, 'birch'));
      await mkdir(join(birch.folder, 'serverDirectory'));
      closed = await open(birch);
    });

    afterAll(async () => {
      await closed[Symbol.asyncDispose]();
    });

    test('is the owner with its key', async () => {
      await mkdir(state('owner'));
      await copyFile(join(birch.state, 'identity.pem'), join(state('owner'), 'identity.pem'));
      const { code, lines } = await list('owner', closed);
      expect(code).toBe(0);
      expect(lines[0]).toMatchObject({ as: 'owner', rights: ['read', 'write', 'replace'] });
    });

    test('becomes known by the code, and is not asked for it again', async () => {
      expect(await list('cobalt', closed)).toMatchObject({
        code: 4,
        lines: [{ code: 'not-known' }],
      });
      const shown = (await run(birch, ['pair'])).stdout.trim();
      const asked = await list('cobalt', closed);
      expect(asked).toMatchObject({ code: 4, lines: [{ message: 'the server asks for a code' }] });
      const wrong = shown.replace(/^./, shown.startsWith('0') ? '1' : '0');
      const guessed = await list('cobalt', closed, '--code', wrong);
      expect(guessed).toMatchObject({ code: 4, lines: [{ code: 'wrong-code' }] });
      const paired = await list('cobalt', closed, '--code', shown.toLowerCase());
      expect(paired.code).toBe(0);
      expect(paired.lines[0]).toMatchObject({ id: closed.id, as: 'peer' });
      expect((await list('cobalt', closed)).lines[0]).toMatchObject({ as: 'peer' });
      const { lines } = await run(birch, ['peers', '--json']);
      expect(lines).toMatchObject([{ event: 'peer', how: 'code', name: 'python' }]);
    });
  });
});

describe.skipIf(!privileged || !mayConnectByPython())('its scan', () => {
  let lan: Lan;
  let server: Server;
  let hosts: readonly Host[];
  let top: string;

  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'lanpost-second-scan-'));
    lan = await buildLan(top, [
      { name: 'amber', subnets: [0, 1] },
      { name: 'basil', subnets: [0] },
      { name: 'coral', subnets: [1], ipv6Only: true },
    ]);
    hosts = lan.hosts;
    const [amber] = lan.hosts as [Host, Host, Host];
    await mkdir(join(amber.folder, 'serverDirectory'));
    await writeFile(join(amber.folder, 'serverDirectory', 'plan.txt'), 'the plan\n');
    server = await serve(amber, ['--name', 'Ambér', '--open']);
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
    await rm(top, { recursive: true, force: true });
  });

  test.each([
    ['by broadcast', 1, /^10\.78\.0\.10$/],
    ['by multicast, with the zone that leads there', 2, /^fe80::[0-9a-f:]+%e1$/],
  ])('finds the server %s, and the address leads to it', async (_, at, address) => {
    const host = hosts[at];
    if (!host) throw new Error('no such host');
    const { namespace, folder: own } = host;
    const { lines } = await python('lanpost.py', ['scan'], namespace);
    expect(lines).toMatchObject([
      { name: 'Ambér', id: server.id, port: server.port, code: false, newer: false },
    ]);
    const addresses = lines[0]?.['addresses'] as string[];
    const where = addresses.find((one) => address.test(one)) ?? '';
    const words = [
      'list',
      where,
      String(server.port),
      '--id',
      server.id,
      '--state',
      join(own, 'second'),
    ];
    const listed = await python('lanpost.py', words, namespace);
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.lines.at(-1)).toMatchObject({ event: 'entry', name: 'plan.txt', size: 9 });
  });
});
