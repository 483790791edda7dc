import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  leftovers,
  longAgo,
  partialOf,
  sameContents,
  sparseFile,
  visibleNames,
} from '../support/files.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { rules } from '../support/on-host.js';
import { privileged } from '../support/privileges.js';
import { makePlace, run, serve, start, type Line, type Server } from '../support/program.js';

const MiB = 1024 ** 2;
/** Names and sizes that programs like to get wrong. */
const files: readonly (readonly [string, Buffer])[] = [
  ['plan.txt', Buffer.from('the plan\n')],
  ['a name with blanks.txt', Buffer.from('blanks\n')],
  [`it's "quoted".txt`, Buffer.from('quotes\n')],
  ['🦊 naïve 文件.txt', Buffer.from('emoji\n')],
  ['-x.txt', Buffer.from('dash\n')],
  ['--json', Buffer.from('looks like an option\n')],
  ['empty', Buffer.alloc(0)],
  ['five.bin', randomBytes(5 * MiB)],
];
const names = files.map(([name]) => name);
const quick = ['--heartbeat', '1s', '--idle-timeout', '2s'];

let folder: string;
let lan: Lan;
/** Two servers and a client: amber and coral are on both subnets, basalt on the first only. */
let amber: Host;
let basalt: Host;
let coral: Host;
let amberServer: Server;
let basaltServer: Server;

async function fillFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  for (const [name, content] of files) {
    await writeFile(join(path, name), content);
    await utimes(join(path, name), longAgo, longAgo);
  }
}

async function expectArrived(path: string, prefix = 'new_'): Promise<void> {
  for (const [name, content] of files) {
    const arrived = join(path, `${prefix}${name}`);
    expect((await readFile(arrived)).equals(content), name).toBe(true);
    expect((await stat(arrived)).mtimeMs / 1000, name).toBe(longAgo);
  }
}

function folderOf(host: Host, kind: 'serverDirectory' | 'clientDirectory' | 'drafts'): string {
  return join(host.folder, kind);
}

function only(lines: readonly Line[], event: string): Line[] {
  return lines.filter((line) => line.event === event);
}

describe.skipIf(!privileged)('three hosts', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lanpost-hosts-'));
    lan = await buildLan(folder, [
      { name: 'amber', subnets: [0, 1] },
      { name: 'basalt', subnets: [0] },
      { name: 'coral', subnets: [0, 1] },
    ]);
    [amber, basalt, coral] = lan.hosts as [Host, Host, Host];
    for (const host of [amber, basalt]) await fillFolder(folderOf(host, 'serverDirectory'));
    for (const kind of ['clientDirectory', 'drafts'] as const) {
      await fillFolder(folderOf(coral, kind));
    }
    [amberServer, basaltServer] = await Promise.all([
      serve(amber, ['--name', 'amber', '--open=rw', ...quick]),
      serve(basalt, ['--name', 'basalt', '--open=rw', ...quick]),
    ]);
  });

  afterAll(async () => {
    await Promise.all([amberServer, basaltServer].map((server) => server[Symbol.asyncDispose]()));
    await lan[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test('a scan finds each server once, with all its addresses', async () => {
    const { code, lines } = await run(coral, ['scan', '--json']);
    expect(code).toBe(0);
    const servers = only(lines, 'server');
    expect(servers.map(({ name }) => name).sort()).toEqual(['amber', 'basalt']);
    for (const [host, { id, port }] of [
      [amber, amberServer],
      [basalt, basaltServer],
    ] as const) {
      const row = servers.find(({ name }) => name === host.name);
      expect(row).toMatchObject({ v: 1, id, port, code: false, marks: [] });
      const later = only(lines, 'address').filter((line) => line['id'] === id);
      const places = [...(row?.['addresses'] as string[]), ...later.map((line) => line['address'])];
      const linkLocal = places.filter((place) => String(place).startsWith('fe80:'));
      expect(linkLocal).toHaveLength(host.addresses.length);
      expect(places.sort()).toEqual([...host.addresses, ...linkLocal].sort());
    }
  });

  test('each finds the other servers and itself', async () => {
    const { lines } = await run(basalt, ['scan', '--json']);
    expect(new Set(only(lines, 'server').map(({ name }) => name))).toEqual(
      new Set(['amber', 'basalt']),
    );
  });

  test('a server is reached by the one of its addresses that works, which is remembered', async () => {
    const works = amber.addresses[1]!;
    rules(
      amber,
      `table inet one {
        chain in {
          type filter hook input priority 0;
          ip daddr ${works} accept
          meta l4proto tcp drop
        }
      }`,
    );
    try {
      const { code, stdout } = await run(coral, ['list', '--connect-timeout', '10s', 'amber']);
      expect(code).toBe(0);
      expect(stdout).toContain('plan.txt');
      const seen = await readFile(join(coral.state, 'seen.json'), 'utf8');
      expect(seen).toContain(`"host":"${works}"`);
    } finally {
      rules(amber, 'delete table inet one');
    }
  });

  test('list, get and put by address', async () => {
    const [address = ''] = amber.addresses;
    const list = await run(coral, ['list', '--json', address]);
    expect(list.code).toBe(0);
    expect(list.lines[0]).toMatchObject({ event: 'unverified', name: 'amber' });
    const entries = list.lines
      .slice(1)
      .map(({ event, path, type, size, mtime }) => [event, path, type, size, mtime]);
    const time = new Date(longAgo * 1000).toISOString();
    const rows = files.map(([name, { length }]) => ['entry', name, 'file', length, time]);
    expect(entries).toEqual(rows.sort(([, a], [, b]) => (String(a) < String(b) ? -1 : 1)));

    const get = await run(coral, [
      'get',
      '--json',
      '--client-directory=by-address',
      address,
      '--',
      ...names,
    ]);
    // They come in one transfer, and each is told when it is there: an empty one overtakes others on a slow disk.
    expect(get.lines.at(-1)).toMatchObject({ event: 'summary', files: names.length, failed: 0 });
    const received = get.lines.slice(1, -1).map(({ event, path }) => `${event} ${String(path)}`);
    expect(received.sort()).toEqual(names.map((name) => `received ${name}`).sort());
    expect(get.code).toBe(0);
    await expectArrived(join(coral.folder, 'by-address'));

    const trust = ['--trust', amberServer.id.slice(0, 16)];
    const from = { ...coral, folder: folderOf(coral, 'drafts') };
    const put = await run(from, ['put', '--json', ...trust, address, '--', ...names]);
    // They go in one transfer, and each is told when it is done.
    expect(put.lines.at(-1)).toMatchObject({ event: 'summary', files: names.length, failed: 0 });
    const stored = put.lines.slice(1, -1).map(({ event, path }) => `${event} ${String(path)}`);
    expect(stored.sort()).toEqual(names.map((name) => `stored ${name}`).sort());
    expect(put.code).toBe(0);
    await expectArrived(folderOf(amber, 'serverDirectory'));
    expect(await leftovers(folderOf(amber, 'serverDirectory'))).toEqual([]);
  });

  test('list, get and put by the name from a scan', async () => {
    const list = await run(coral, ['list', 'basalt']);
    expect(list.code).toBe(0);
    for (const name of names) expect(list.stdout).toContain(name);
    expect(list.stderr).toContain(`unverified ${shown(basaltServer.id)}`);

    const get = await run(coral, ['get', '--client-directory=by-name', 'basalt', '--', ...names]);
    expect(get).toMatchObject({ code: 0 });
    expect(get.stdout.match(/ verified /g) ?? []).toHaveLength(names.length);
    await expectArrived(join(coral.folder, 'by-name'));

    const from = { ...coral, folder: folderOf(coral, 'drafts') };
    const refused = await run(from, ['put', 'basalt', 'plan.txt']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(`--trust ${shown(basaltServer.id)}`);
    const put = await run(from, [
      'put',
      '--trust',
      shown(basaltServer.id),
      'basalt',
      '--',
      ...names,
    ]);
    expect(put).toMatchObject({ code: 0 });
    await expectArrived(folderOf(basalt, 'serverDirectory'));
  });

  test('the shell, from standard input', async () => {
    const script = [
      'scan',
      'connect amber',
      'rlist',
      'get --as typed.txt "a name with blanks.txt"',
      'get -- -x.txt "it\'s \\"quoted\\".txt" \'🦊 naïve 文件.txt\'',
      `put --trust ${amberServer.id} --as shell.bin five.bin`,
      '-get no-such-file',
      'bye',
    ];
    const ended = await run(
      coral,
      ['--client-directory=clientDirectory'],
      `${script.join('\n')}\n`,
    );
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain('session with amber ended');
    expect(ended.stderr).toContain('no such file');
    const here = folderOf(coral, 'clientDirectory');
    expect(await readFile(join(here, 'typed.txt'), 'utf8')).toBe('blanks\n');
    for (const name of ['-x.txt', `it's "quoted".txt`, '🦊 naïve 文件.txt']) {
      expect(await sameContents(join(here, name), join(here, `new_${name}`))).toBe(true);
    }
    const there = folderOf(amber, 'serverDirectory');
    expect(await sameContents(join(here, 'five.bin'), join(there, 'shell.bin'))).toBe(true);
  });

  test('a script stops at the first line that fails, with its exit code', async () => {
    const script = `connect ${amber.addresses[0]}\nget no-such-file\nget five.bin\n`;
    const { code, stderr } = await run(coral, ['--client-directory=stopped'], script);
    expect(code).toBe(5);
    expect(stderr).toContain('no such file');
    expect(existsSync(join(coral.folder, 'stopped'))).toBe(false);
  });

  test('put to several at once: one that fails stops no other', async () => {
    const from = { ...coral, folder: folderOf(coral, 'drafts') };
    const trust = `--trust=${amberServer.id},${shown(basaltServer.id)}`;
    const [place = ''] = coral.addresses;
    const words = ['put', '--to', `amber,${place},basalt`, trust, '--as', 'several.bin'];
    const { code, lines } = await run(from, [...words, '--json', 'five.bin']);
    const told = lines.map((line) => [line['server'], line.event, line['as'] ?? line['code']]);
    expect(told.sort()).toEqual([
      [place, 'failed', 'connection-refused'],
      ['amber', 'stored', 'several.bin'],
      ['amber', 'unverified', undefined],
      ['basalt', 'stored', 'several.bin'],
      ['basalt', 'unverified', undefined],
    ]);
    expect(code).toBe(3);
    for (const host of [amber, basalt]) {
      const stored = join(folderOf(host, 'serverDirectory'), 'several.bin');
      expect(await sameContents(join(from.folder, 'five.bin'), stored), host.name).toBe(true);
    }
  });

  test('put to all: to each that is known, and nobody else', async () => {
    const place = await makePlace(join(folder, 'asks'), basalt.namespace);
    const closed = ['--tcp-port', '30040', '--name', 'asks'];
    await using asking = await serve(place, closed);
    const from = { ...coral, folder: folderOf(coral, 'drafts') };
    expect((await run(coral, ['peers', 'add', amberServer.id, 'amber'])).code).toBe(0);
    const trust = `--trust=${amberServer.id},${basaltServer.id},${asking.id}`;
    const words = ['put', '--to=all', trust, '--as', 'to-all.txt', 'plan.txt'];
    const { code, stdout, stderr } = await run(from, words);
    expect((await run(coral, ['peers', 'forget', 'amber'])).code).toBe(0);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'amber: stored as to-all.txt  verified  9 B\n',
      stderr: 'left out: 2 that this machine does not know\n',
    });
    const visible = (host: Host) => visibleNames(folderOf(host, 'serverDirectory'));
    expect(await visible(amber)).toContain('to-all.txt');
    expect(await visible(basalt)).not.toContain('to-all.txt');
    expect(await visibleNames(join(place.folder, 'serverDirectory'))).toEqual([]);
  });

  describe('at a server that is not open', () => {
    const ports = ['--tcp-port', '30020', '--udp-port', '30021'];
    let closed: Host;
    let server: Server;

    beforeAll(async () => {
      closed = { ...basalt, ...(await makePlace(join(folder, 'closed'), basalt.namespace)) };
      await fillFolder(folderOf(closed, 'serverDirectory'));
      server = await serve(closed, ports);
      return () => server[Symbol.asyncDispose]();
    });

    test('a stranger is not let in, and learns no name', async () => {
      const place = `${basalt.addresses[0]}:${server.port}`;
      for (const words of [
        ['list', place],
        ['get', place, 'plan.txt'],
        ['put', '--trust', server.id, place, join(folderOf(coral, 'drafts'), 'plan.txt')],
      ]) {
        const { code, stdout, stderr } = await run(coral, words);
        expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
        expect(stderr).toMatch(/^lanpost: the server does not know this machine.*\n {2}\S/);
      }
    });

    test('the owner needs nothing, by loopback and by its own address', async () => {
      for (const address of ['127.0.0.1', basalt.addresses[0] ?? '']) {
        const place = `${address}:${server.port}`;
        const list = await run(closed, ['list', place]);
        expect(list).toMatchObject({ code: 0 });
        expect(list.stderr).toBe('');
        const put = await run(closed, ['put', place, 'serverDirectory/plan.txt']);
        expect(put).toMatchObject({ code: 0 });
      }
    });

    test('a copied state folder does not make an owner', async () => {
      const thief = await makePlace(join(folder, 'thief'), coral.namespace);
      await cp(closed.state, thief.state, { recursive: true });
      const { code, stderr } = await run(thief, ['list', `${basalt.addresses[0]}:${server.port}`]);
      expect(code).toBe(4);
      expect(stderr).toContain('this key is in use on another machine\n  ');
    });
  });

  test('an open server whose key changed: a hard stop, and nothing is sent', async () => {
    const words = ['--tcp-port', '30030', '--udp-port', '30031', '--open=rw'];
    const place = `${basalt.addresses[0]}:30030`;
    const twin = await makePlace(join(folder, 'twin'), basalt.namespace);
    {
      await using first = await serve(twin, words);
      const put = ['put', '--trust', first.id, place, 'drafts/plan.txt'];
      expect(await run(coral, put)).toMatchObject({ code: 0 });
    }
    await rm(twin.state, { recursive: true });
    await using second = await serve(twin, words);
    for (const what of [
      ['put', '--trust', second.id, place, 'drafts/five.bin'],
      ['get', place, 'new_plan.txt'],
      ['list', place],
    ]) {
      const { code, stdout, stderr } = await run(coral, what);
      expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
      expect(stderr).toContain(`${place} shows another key`);
      expect(stderr).toContain(shown(second.id));
    }
    expect(await visibleNames(join(twin.folder, 'serverDirectory'))).toEqual(['new_plan.txt']);
  });

  describe('a cable that is pulled in the middle of a get', () => {
    beforeAll(() => sparseFile(join(folderOf(basalt, 'serverDirectory'), 'big.bin'), 2048 * MiB));

    test.each(['in one shot', 'at the prompt'])('%s', async (way) => {
      const target = join(coral.folder, way.replaceAll(' ', '-'));
      const [address = ''] = basalt.addresses;
      const settings = [...quick, '--reconnect-timeout=0', `--client-directory=${target}`];
      const oneShot = way === 'in one shot';
      const words = oneShot ? ['get', ...settings, address, 'big.bin'] : settings;
      await using client = start(coral, words);
      client.input.end(oneShot ? '' : `connect ${address}\nget big.bin\nrlist\n`);
      await partialOf(target, 1);
      basalt.cable(0, 'down');
      try {
        const { code, stderr } = await client.ended;
        expect({ code, stderr }).toMatchObject({ code: 8 });
        expect(stderr).toMatch(/lanpost: big\.bin: \S.*\n {2}\S/);
      } finally {
        basalt.cable(0, 'up');
      }
      expect(await visibleNames(target)).toEqual([]);
      expect((await leftovers(target)).map(extname).sort()).toEqual(['.journal', '.part']);
    });

    test('and put back: the get goes on where it stopped', async () => {
      const target = join(coral.folder, 'put-back');
      const [address = ''] = basalt.addresses;
      const words = ['get', ...quick, `--client-directory=${target}`, address, 'big.bin'];
      await using client = start(coral, words);
      await partialOf(target, 100 * MiB);
      basalt.cable(0, 'down');
      try {
        await client.says('trying to reach');
      } finally {
        basalt.cable(0, 'up');
      }
      const { code, stderr } = await client.ended;
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(stderr).toContain('is back');
      const source = join(folderOf(basalt, 'serverDirectory'), 'big.bin');
      expect(await sameContents(source, join(target, 'new_big.bin'))).toBe(true);
      expect(await leftovers(target)).toEqual([]);
    });
  });
});

/** The short form of an id, as the screen shows it. */
function shown(id: string): string {
  return id.slice(0, 16).replace(/(.{4})(?=.)/g, '$1-');
}
