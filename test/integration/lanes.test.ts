import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { buildScript } from '../support/bundle.js';
import { changePeer } from '#sharing/identity/known.js';
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leftovers, sameContents, sparseFile } from '../support/files.js';
import {
  chunkFrame,
  dialHostile,
  enter,
  frame,
  hello,
  saying,
  type HostilePeer,
} from '../support/hostile-peer.js';
import { openProxy, type Proxy } from '../support/proxy.js';
import { makePlace, run, serve, start, type Place, type Server } from '../support/program.js';
import {
  clientLimits,
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';

const MiB = 1024 ** 2;
const all = { t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false };

let parties: Parties;
let served: ServedShare;
let peer: HostilePeer;

beforeAll(async () => {
  parties = await openParties();
});
afterAll(() => parties[Symbol.asyncDispose]());

beforeEach(async () => {
  served = await serveShare(parties);
  await writeFile(join(served.folder, 'long.bin'), '');
  await truncate(join(served.folder, 'long.bin'), 256 * MiB);
  peer = await enter(served.port, parties.peer);
  return async () => {
    await peer[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
  };
});

/** Begins a get and asks for a lane. Gives the token. */
async function token(): Promise<string> {
  peer.say({ t: 'get', id: 1, path: 'long.bin' });
  await peer.hear('offer');
  peer.say({ t: 'lane', id: 1 });
  const { token: given } = await peer.hear('lane');
  return String(given);
}

/** A connection that says it is the lane of a token. */
async function open(given: string, device = parties.peer): Promise<HostilePeer> {
  const lane = await dialHostile(served.port, device);
  lane.say({ ...hello, purpose: 'lane', token: given });
  return lane;
}

test('carries the bytes, and the session is free of them', async () => {
  await using lane = await open(await token());
  await lane.hear('ready');
  peer.say(all);
  // Nobody confirms, so the window is all that comes.
  await expect.poll(() => lane.dataBytes()).toBe(8 * MiB);
  expect(peer.dataBytes()).toBe(0);
});

test('that nobody reads keeps nobody from being answered', async () => {
  await using lane = await open(await token());
  await lane.hear('ready');
  lane.socket.pause();
  peer.say(all, { t: 'list', id: 2, path: '' });
  expect(await peer.hear('entries')).toMatchObject({ id: 2 });
  expect(await peer.lives()).toBe(true);
});

test('ends with the rights of its session', async () => {
  await using lane = await open(await token());
  await lane.hear('ready');
  await changePeer(parties.owner.stateFolder, parties.peer.id, { rights: ['write'] });
  await lane.farewell();
  await peer.farewell();
  await changePeer(parties.owner.stateFolder, parties.peer.id, { rights: ['read', 'write'] });
});

test('is no client of its own, and no more than two belong to a transfer', async () => {
  await using first = await open(await token());
  await first.hear('ready');
  peer.say({ t: 'lane', id: 1 }, { t: 'lane', id: 1 }, { t: 'list', id: 2, path: '' });
  const heard = [await peer.hear('lane', 'entries'), await peer.hear('lane', 'entries')];
  expect(heard.map(({ t }) => t)).toEqual(['lane', 'entries']);
  await using second = await open(String(heard[0]?.['token']));
  await second.hear('ready');
  expect(served.events.filter(({ event }) => event === 'client-in')).toHaveLength(1);
});

describe('a token', () => {
  test.each<[string, (given: string) => Promise<HostilePeer>]>([
    ['that was made up', () => open('0'.repeat(32))],
    ['of another machine', (given) => open(given, parties.owner)],
    [
      'that was used',
      async (given) => {
        await (await open(given)).hear('ready');
        return open(given);
      },
    ],
    [
      'of a transfer that is over',
      async (given) => {
        peer.say({ ...all, files: [{ want: 'refused', file: 0, code: 'no-room', message: '' }] });
        await expect.poll(() => served.events.map(({ event }) => event)).toContain('file-failed');
        return open(given);
      },
    ],
  ])('%s opens nothing', async (_, attempt) => {
    await using lane = await attempt(await token());
    expect(await lane.hear('denied')).toMatchObject({ code: 'no-right' });
    await lane.farewell();
    expect(await peer.lives()).toBe(true);
  });

  test('is none for a transfer that has not begun', async () => {
    peer.say({ t: 'lane', id: 7 });
    await peer.farewell();
  });
});

describe('on a lane', () => {
  test.each<[string, Buffer]>([
    ['a verb', saying({ t: 'list', id: 2, path: '' })],
    ['an offer', saying({ t: 'offer', id: 2, files: [], more: false, batch: true })],
    ['a receipt', saying({ t: 'finished', id: 1 })],
    ['a second hello', saying({ ...hello })],
    ['a chunk of what is not received', chunkFrame({ length: 5 })],
    ['a chunk of another transfer', chunkFrame({ id: 2, length: 5 })],
    ['data without a chunk', frame(3, Buffer.alloc(5))],
    ['a frame of no kind', frame(9, Buffer.alloc(5))],
  ])('%s ends it', async (_, bytes) => {
    await using lane = await open(await token());
    await lane.hear('ready');
    lane.raw(bytes);
    await lane.farewell();
    expect(await peer.lives()).toBe(true);
  });
});

test('a session answers while it transfers, both ways', async () => {
  await using session = await openHonest(parties.owner, served.port);
  await sparseFile(join(served.received, 'up.bin'), 64 * MiB);
  const listed: number[] = [];
  let moved = 0;
  const onProgress = ({ bytes }: { readonly bytes: number }): void => {
    moved = bytes;
  };
  const into = { folder: served.received, receivedPrefix: 'new_', onEnded: () => undefined };
  const both = Promise.all([
    session.get('long.bin', { ...into, onProgress }),
    session.put([join(served.received, 'up.bin')], { onEnded: () => undefined }),
  ]);
  await expect.poll(() => moved).toBeGreaterThan(0);
  for await (const page of session.list('')) listed.push(page.entries.length);
  expect(moved).toBeLessThan(256 * MiB);
  expect(listed).not.toEqual([]);
  await both;
  expect(
    await sameContents(join(served.received, 'up.bin'), join(served.folder, 'new_up.bin')),
  ).toBe(true);
  expect(await leftovers(served.received)).toEqual([]);
});

describe('a lane that is cut', () => {
  const ways = ['near', 'far'] as const;

  interface Cut {
    readonly place: Place;
    readonly share: string;
    readonly local: string;
    readonly server: Server;
    readonly proxy: Proxy;
  }

  async function open(restsAfter?: number): Promise<Cut & AsyncDisposable> {
    const place = await makePlace(await mkdtemp(join(parties.base, 'cut-')));
    const [share, local] = [join(place.folder, 'shared'), join(place.folder, 'here')];
    for (const folder of [share, local]) await mkdir(folder);
    const server = await serve(place, ['--tcp-port', '0', share]);
    const proxy = await openProxy(server.port, restsAfter);
    return {
      place,
      share,
      local,
      server,
      proxy,
      async [Symbol.asyncDispose]() {
        await proxy[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  /** Cuts one of the connections as soon as it has carried some. */
  async function cut({ proxy }: Cut, which: number, way: (typeof ways)[number]): Promise<void> {
    const carried = (): number =>
      Math.max(0, ...(proxy.pairs[which] ?? []).map(({ bytesRead }) => bytesRead));
    await expect.poll(carried, { timeout: 20_000, interval: 1 }).toBeGreaterThan(MiB / 16);
    const [near, far] = proxy.pairs[which] ?? [];
    (way === 'near' ? near : far)?.destroy();
    proxy.go();
  }

  test.each(ways.flatMap((way) => ['get', 'put'].map((verb) => ({ verb, way }))))(
    'costs a $verb nothing but a lane, heard of first at the $way end',
    async ({ verb, way }) => {
      await using all = await open();
      const { place, share, local, server, proxy } = all;
      const source = join(verb === 'get' ? share : local, 'big.bin');
      const target = join(verb === 'get' ? local : share, 'new_big.bin');
      await writeFile(source, randomBytes(96 * MiB));
      const words = [verb, `127.0.0.1:${proxy.port}`, verb === 'get' ? 'big.bin' : source];
      await using client = start(place, [...words, '--client-directory', local]);
      await cut(all, 1, way);
      const { code, stderr } = await client.ended;
      expect(stderr).not.toContain('is back');
      expect(code).toBe(0);
      expect(await sameContents(source, target)).toBe(true);
      expect((await run(place, ['list', `127.0.0.1:${server.port}`])).code).toBe(0);
    },
  );

  test.each(['get', 'put'])('costs a %s of a folder a moment, and no byte', async (verb) => {
    await using all = await open();
    const { place, share, local, proxy } = all;
    const source = join(verb === 'get' ? share : local, 'folder');
    const target = join(verb === 'get' ? local : share, 'new_folder');
    await mkdir(source);
    for (const name of ['a.bin', 'b.bin']) {
      await writeFile(join(source, name), randomBytes(64 * MiB));
    }
    const words = [verb, `127.0.0.1:${proxy.port}`, verb === 'get' ? 'folder' : source];
    await using client = start(place, [...words, '--client-directory', local]);
    await cut(all, 1, 'near');
    const { code, stderr } = await client.ended;
    expect(stderr).toContain('is back');
    expect(code).toBe(0);
    for (const name of ['a.bin', 'b.bin']) {
      expect(await sameContents(join(source, name), join(target, name))).toBe(true);
    }
  });

  describe('of two, one in a thread', () => {
    /** Gets over both lanes; `meanwhile` begins when the thread is there. */
    async function getInThread(
      { place, local, proxy }: Cut,
      meanwhile: () => Promise<void>,
    ): Promise<Record<string, unknown>> {
      const options = { state: place.state, port: proxy.port, path: 'big.bin', folder: local };
      const words = JSON.stringify({ ...options, limits: clientLimits });
      const child = spawn(process.execPath, [script, words], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let last: Record<string, unknown> = {};
      let doing: Promise<void> | undefined;
      for await (const line of createInterface({ input: child.stdout })) {
        last = JSON.parse(line) as Record<string, unknown>;
        if (last['thread'] === true) doing = meanwhile();
      }
      expect(doing).toBeDefined();
      await doing;
      return last;
    }

    /** Bytes after which the first lane rests, so that some are left for the second, however late it comes. */
    const restsAfter = 64 * MiB;

    let script = '';
    beforeAll(async () => {
      script = await buildScript('support/thread-get.js');
    });

    test('is there, and takes its share', async () => {
      await using all = await open(restsAfter);
      await writeFile(join(all.share, 'big.bin'), randomBytes(512 * MiB));
      const bytesOf = (which: number): number =>
        Math.max(0, ...(all.proxy.pairs[which] ?? []).map(({ bytesRead }) => bytesRead));
      const last = await getInThread(all, async () => {
        await expect.poll(() => bytesOf(2)).toBeGreaterThan(MiB);
        all.proxy.go();
      });
      expect(last).toMatchObject({ ended: [{ outcome: 'received', size: 512 * MiB }] });
      expect(all.proxy.pairs).toHaveLength(3);
      // Nothing travelled twice, and both carried some.
      expect(bytesOf(2)).toBeGreaterThan(MiB);
      expect(bytesOf(0) + bytesOf(1) + bytesOf(2)).toBeLessThan(514 * MiB);
      expect(await sameContents(join(all.share, 'big.bin'), join(all.local, 'new_big.bin'))).toBe(
        true,
      );
    });

    test.each(ways.flatMap((way) => [1, 2].map((which) => ({ which, way }))))(
      'costs nothing else: lane $which, heard of first at the $way end',
      async ({ which, way }) => {
        await using all = await open(restsAfter);
        await writeFile(join(all.share, 'big.bin'), randomBytes(192 * MiB));
        const last = await getInThread(all, () => cut(all, which, way));
        expect(last).toMatchObject({ ended: [{ outcome: 'received', size: 192 * MiB }] });
        expect(await sameContents(join(all.share, 'big.bin'), join(all.local, 'new_big.bin'))).toBe(
          true,
        );
        expect(await leftovers(all.local)).toEqual([]);
      },
    );
  });
});
