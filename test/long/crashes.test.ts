import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ClientSession } from '#sharing/client.js';
import { openDevice } from '#sharing/identity/device.js';
import { addPeer } from '#sharing/identity/known.js';
import { opened } from '../support/descriptors.js';
import { leftovers, partialOf, sameContents, visibleNames } from '../support/files.js';
import { freePort } from '../support/ports.js';
import {
  makePlace,
  run,
  serve,
  start,
  type Place,
  type Running,
  type Server,
} from '../support/program.js';
import { openHonest } from '../support/served-share.js';
import { getOne } from '../support/one-file.js';

const MiB = 1024 ** 2;
const anyPort = ['--tcp-port', '0'];
const before = 'what was there before\n';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-crashes-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same user's server and client, so that the client is the owner, and one way between them. */
interface Road {
  readonly place: Place;
  /** The folders that are sent from and received in. */
  readonly source: string;
  readonly target: string;
  /** The words of the transfer of a file of this name. */
  readonly words: (server: Server, name: string) => string[];
}

async function road(verb: 'get' | 'put'): Promise<Road> {
  const place = await makePlace(await mkdtemp(join(folder, `${verb}-`)));
  const share = join(place.folder, 'serverDirectory');
  const received = join(place.folder, 'clientDirectory');
  await Promise.all([share, received].map((path) => mkdir(path)));
  const [source, target] = verb === 'get' ? [share, received] : [received, share];
  const words = (server: Server, name: string): string[] => {
    const typed = verb === 'get' ? name : join(received, name);
    return [verb, '--json', '--reconnect-timeout=0', `127.0.0.1:${server.port}`, typed];
  };
  return { place, source, target, words };
}

/** Has a big file where it is sent from, and a small one under its final name where it is to arrive. */
async function roadWithBigFile(verb: 'get' | 'put'): Promise<Road> {
  const way = await road(verb);
  await emptyFile(join(way.source, 'big.bin'));
  await writeFile(join(way.target, 'new_big.bin'), before);
  return way;
}

/** All holes. */
async function emptyFile(path: string, size = 512 * MiB): Promise<void> {
  await writeFile(path, '');
  await truncate(path, size);
}

/** Resolves when a small file begins to arrive as `new_big.bin`; all of it may be there before anybody looks. */
async function arriving({ target }: Road): Promise<void> {
  await vi.waitUntil(
    async () => {
      const names = await readdir(target, { recursive: true });
      return names.some((name) => name === 'new_big.bin' || name.endsWith('.part'));
    },
    { timeout: 30_000, interval: 2 },
  );
}

/** What was there is as it was, and nothing is besides it. */
async function expectUntouched({ target }: Road): Promise<void> {
  expect(await visibleNames(target)).toEqual(['new_big.bin']);
  expect(await readFile(join(target, 'new_big.bin'), 'utf8')).toBe(before);
}

/** A small file still goes the same way. */
async function expectWorking(
  server: Server,
  { place, source, target, words }: Road,
): Promise<void> {
  await writeFile(join(source, 'small.txt'), 'small\n');
  const { code, stderr, stdout } = await run(place, words(server, 'small.txt'));
  expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
  expect(await readFile(join(target, 'new_small.txt'), 'utf8')).toBe('small\n');
}

/** What the client did was within the protocol, in the server's eyes. */
async function expectLawful(server: Server): Promise<void> {
  server.kill('SIGTERM');
  const { code, stderr } = await server.ended;
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/not legal|not received here|which is none/);
}

/** The same transfer once more: it arrives beside what was there, and nothing is left of the first try. */
async function expectToGoOn(server: Server, way: Road): Promise<void> {
  const { code, lines } = await run(way.place, way.words(server, 'big.bin'));
  expect({ code, lines }).toMatchObject({ code: 0, lines: [{ as: expect.any(String) as string }] });
  const arrived = join(way.target, 'new_big (2).bin');
  expect(await sameContents(join(way.source, 'big.bin'), arrived)).toBe(true);
  expect(await leftovers(way.target)).toEqual([]);
}

const moments = [0, 24 * MiB];
const bothWays = ['get', 'put'] as const;

describe.concurrent.each(bothWays)('in the middle of a %s', (verb) => {
  test.each(moments)('kill -9 of the server after %i bytes', async (bytes) => {
    const way = await roadWithBigFile(verb);
    {
      await using server = await serve(way.place, anyPort);
      await using client = start(way.place, way.words(server, 'big.bin'));
      await partialOf(way.target, bytes);
      server.kill('SIGKILL');
      const { code, lines, stderr } = await client.ended;
      expect({ code, stderr }).toEqual({ code: 8, stderr: '' });
      expect(lines).toMatchObject([{ event: 'failed', code: 'connection-lost' }]);
    }
    await expectUntouched(way);
    await using server = await serve(way.place, anyPort);
    await expectWorking(server, way);
    await expectToGoOn(server, way);
  });

  test('kill -9 of the server, which comes back: the transfer goes on by itself', async () => {
    const way = await roadWithBigFile(verb);
    const port = String(await freePort('tcp'));
    let running: Running;
    {
      await using server = await serve(way.place, ['--tcp-port', port]);
      const typed = verb === 'get' ? 'big.bin' : join(way.source, 'big.bin');
      running = start(way.place, [verb, `127.0.0.1:${port}`, typed]);
      await partialOf(way.target, 24 * MiB);
      server.kill('SIGKILL');
      await server.ended;
    }
    await using client = running;
    await client.says('trying to reach');
    await using _again = await serve(way.place, ['--tcp-port', port]);
    const { code, stderr } = await client.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain('is back');
    const arrived = join(way.target, 'new_big (2).bin');
    expect(await sameContents(join(way.source, 'big.bin'), arrived)).toBe(true);
    expect(await leftovers(way.target)).toEqual([]);
  });

  test.each(moments)('kill -9 of the client after %i bytes', async (bytes) => {
    const way = await roadWithBigFile(verb);
    await using server = await serve(way.place, anyPort);
    await using client = start(way.place, way.words(server, 'big.bin'));
    await partialOf(way.target, bytes);
    client.kill('SIGKILL');
    await client.ended;
    await expectUntouched(way);
    await expectWorking(server, way);
    expect(await visibleNames(way.target)).toEqual(['new_big.bin', 'new_small.txt']);
    await expectToGoOn(server, way);
  });

  test.each(moments)('Ctrl-C of the client after %i bytes', async (bytes) => {
    const way = await roadWithBigFile(verb);
    await using server = await serve(way.place, anyPort);
    await using client = start(way.place, way.words(server, 'big.bin'));
    await partialOf(way.target, bytes);
    const began = performance.now();
    client.kill('SIGINT');
    const { code, signal, lines } = await client.ended;
    expect({ code, signal }).toEqual({ code: 8, signal: null });
    expect(lines).toMatchObject([{ event: 'failed', code: 'cancelled' }]);
    expect(performance.now() - began).toBeLessThan(5000);
    await expectUntouched(way);
    await expectWorking(server, way);
    await expectToGoOn(server, way);
    await expectLawful(server);
  });

  test('Ctrl-C while it is compared with what is there', async () => {
    const way = await roadWithBigFile(verb);
    // To compare so much takes seconds.
    for (const path of [join(way.source, 'big.bin'), join(way.target, 'new_big.bin')]) {
      await emptyFile(path, 4096 * MiB);
    }
    await using server = await serve(way.place, anyPort);
    await using client = start(way.place, way.words(server, 'big.bin'));
    await opened(join(way.target, 'new_big.bin'), [server.pid, client.pid]);
    client.kill('SIGINT');
    const { code, lines } = await client.ended;
    expect({ code, lines }).toMatchObject({ code: 8, lines: [{ code: 'cancelled' }] });
    expect(await visibleNames(way.target)).toEqual(['new_big.bin']);
    expect(await leftovers(way.target)).toEqual([]);
    await expectLawful(server);
  });

  test('SIGTERM of the server', async () => {
    const way = await roadWithBigFile(verb);
    await using server = await serve(way.place, anyPort);
    await using client = start(way.place, way.words(server, 'big.bin'));
    await partialOf(way.target, 64 * MiB);
    server.kill('SIGTERM');
    const [stopped, ended] = await Promise.all([server.ended, client.ended]);
    expect(stopped).toMatchObject({ code: 0, signal: null });
    expect(stopped.lines.at(-1)).toMatchObject({ event: 'stopped' });
    // Each line of the log stands by itself.
    expect(stopped.stderr).not.toMatch(/[^\n]\[\d\d:\d\d:\d\d\] /);
    expect(ended.lines).toMatchObject([{ event: 'failed', code: 'shutting-down', exit: 8 }]);
    expect(ended.code).toBe(8);
    await expectUntouched(way);
    await using next = await serve(way.place, anyPort);
    await expectToGoOn(next, way);
  });

  test('SIGTERM of the server, which is started again', async () => {
    const way = await roadWithBigFile(verb);
    const samePort = ['--tcp-port', String(await freePort('tcp'))];
    await using server = await serve(way.place, samePort);
    const words = way.words(server, 'big.bin').filter((word) => !word.startsWith('--reconnect'));
    await using client = start(way.place, words);
    await partialOf(way.target, 64 * MiB);
    server.kill('SIGTERM');
    await server.ended;
    expect(await client.line('broken')).toMatchObject({ code: 'shutting-down' });
    await using next = await serve(way.place, samePort);
    const { code, lines } = await client.ended;
    expect({ code, lines }).toMatchObject({ code: 0, lines: [{}, { event: 'back' }, {}] });
    const arrived = join(way.target, 'new_big (2).bin');
    expect(await sameContents(join(way.source, 'big.bin'), arrived)).toBe(true);
    await expectLawful(next);
  });

  test('a kill at any moment leaves a whole file or none', async () => {
    const way = await road(verb);
    const source = join(way.source, 'big.bin');
    await writeFile(source, randomBytes(4 * MiB));
    for (let delay = 0; delay < 60; delay += 20) {
      await using server = await serve(way.place, anyPort);
      await using client = start(way.place, way.words(server, 'big.bin'));
      await arriving(way);
      await new Promise((resolve) => setTimeout(resolve, delay));
      const receiver = verb === 'get' ? client : server;
      receiver.kill('SIGKILL');
      await Promise.all([client.ended, receiver.ended]);
      for (const name of await visibleNames(way.target)) {
        expect(name).toBe('new_big.bin');
        expect(await sameContents(source, join(way.target, name))).toBe(true);
      }
      await rm(way.target, { recursive: true });
      await mkdir(way.target);
    }
  });
});

describe('several clients at once', () => {
  let clients: Place;
  let owner: Place;
  let share: string;
  let server: Server;

  beforeEach(async () => {
    // A fresh key for each test: eight clients that all make it at once must end with one.
    clients = await makePlace(await mkdtemp(join(folder, 'clients-')));
    ({ place: owner, source: share } = await road('get'));
    server = await serve(owner, [...anyPort, '--open=rw']);
    return () => server[Symbol.asyncDispose]();
  });

  async function putAll(
    contents: readonly Buffer[],
  ): Promise<(readonly [number | null, string])[]> {
    const runs = contents.map(async (content, index) => {
      const own = join(clients.folder, String(index));
      await mkdir(own);
      await writeFile(join(own, 'report.pdf'), content);
      const words = ['put', '--json', '--trust', server.id, `127.0.0.1:${server.port}`];
      const ended = await run(clients, [...words, `${index}/report.pdf`]);
      const stored = ended.lines.find(({ event }) => event === 'stored');
      const as = stored?.['as'];
      return [ended.code, typeof as === 'string' ? as : ended.stdout] as const;
    });
    return Promise.all(runs);
  }

  async function expectStored(
    contents: readonly Buffer[],
    ends: readonly (readonly [number | null, string])[],
  ): Promise<void> {
    for (const [index, [code, name]] of ends.entries()) {
      expect({ code, name }).toMatchObject({ code: 0 });
      const stored = await readFile(join(share, name));
      expect(stored.equals(contents[index]!)).toBe(true);
    }
    expect(await leftovers(share)).toEqual([]);
  }

  test('two put the same name with different contents: both are stored', async () => {
    const contents = [randomBytes(24 * MiB), randomBytes(24 * MiB)];
    const ends = await putAll(contents);
    await expectStored(contents, ends);
    expect(ends.map(([, name]) => name).sort()).toEqual(['new_report (2).pdf', 'new_report.pdf']);
  });

  test('two put the same name with the same contents: what is there is whole', async () => {
    const content = randomBytes(24 * MiB);
    const ends = await putAll([content, content]);
    await expectStored([content, content], ends);
    expect(await visibleNames(share)).toContain('new_report.pdf');
  });

  test('eight put the same name at once', async () => {
    const contents = Array.from({ length: 8 }, (_, index) => randomBytes((index + 1) * MiB));
    const ends = await putAll(contents);
    await expectStored(contents, ends);
    expect(new Set(ends.map(([, name]) => name)).size).toBe(8);
    expect(await visibleNames(share)).toHaveLength(8);
  });

  test('one more than there is room for is told so', async () => {
    for (const limit of ['--max-clients=1', '--max-clients-per-address=1']) {
      await using small = await serve(owner, [...anyPort, '--open=rw', limit]);
      const where = `127.0.0.1:${small.port}`;
      await using first = start(clients, []);
      first.input.write(`connect ${where}\n`);
      await first.says('connected to');
      const { code, stderr } = await run(clients, ['list', where]);
      expect({ limit, code, stderr }).toMatchObject({ code: 7 });
      expect(stderr).toContain('the server is full');
    }
  });

  test.skipIf(process.platform !== 'linux')(
    'no more come in than there are files for, and those who are in are served',
    async () => {
      const crowdLimits = ['--max-clients-per-address=100'];
      const few = { ...owner, descriptors: 160 };
      const fit = (160 - 64) / 12;
      await using small = await serve(few, [...anyPort, ...crowdLimits]);
      await writeFile(join(share, 'small.bin'), randomBytes(1000));
      const device = await openDevice(join(clients.folder, 'crowd'));
      await run(owner, ['peers', 'add', device.id, 'crowd', 'read']);
      const peer = { id: small.id, name: 'owner', rights: [], how: 'id' } as const;
      await addPeer(device.stateFolder, peer, new Date());
      const sessions: ClientSession[] = [];
      for (let n = 0; n < fit; n += 1) sessions.push(await openHonest(device, small.port));
      await expect(openHonest(device, small.port)).rejects.toMatchObject({
        code: 'too-many-clients',
      });
      const into = { folder: join(clients.folder, 'crowded'), receivedPrefix: 'new_' };
      for (const session of sessions) {
        const outcome = await getOne(session, 'small.bin', into);
        expect(outcome.outcome).toMatch(/received|identical/);
        await session.bye();
      }
    },
  );

  test('eight get the same file at once', async () => {
    await writeFile(join(share, 'plan.bin'), randomBytes(9 * MiB + 1));
    const runs = Array.from({ length: 8 }, async (_, index) => {
      const words = ['get', '--client-directory', `r${index}`, `127.0.0.1:${server.port}`];
      const { code, stderr } = await run(clients, [...words, 'plan.bin']);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const arrived = join(clients.folder, `r${index}`, 'new_plan.bin');
      expect(await sameContents(join(share, 'plan.bin'), arrived)).toBe(true);
    });
    await Promise.all(runs);
    expect((await stat(join(share, 'plan.bin'))).size).toBe(9 * MiB + 1);
  });
});

test.concurrent.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends a script between two lines',
  async (signal) => {
    const { place } = await road('get');
    await using script = start(place, []);
    script.input.write('-llist no-such-folder\n');
    await script.says('llist');
    script.kill(signal);
    const end = await Promise.race([
      script.ended,
      new Promise((resolve) => setTimeout(resolve, 4000, 'it goes on')),
    ]);
    expect(end).toMatchObject({ code: 8, signal: null });
  },
);

test.concurrent('a lock that a crash left behind holds nobody up', async () => {
  const { place } = await road('get');
  await using open = await serve(place, [...anyPort, '--open']);
  for (const text of ['', '999999999']) {
    const client = await makePlace(await mkdtemp(join(folder, 'locked-')));
    await mkdir(client.state, { mode: 0o700 });
    await writeFile(join(client.state, 'peers.json.lock'), text);
    const { code, stderr } = await run(client, ['list', `127.0.0.1:${open.port}`]);
    expect({ text, code, stderr }).toMatchObject({ code: 0 });
  }
});
