import type { ClientSession, Ended, TransferOptions } from '#sharing/client.js';
import { keptTransfers } from '#sharing/local.js';
import { steadySession } from '#sharing/steady.js';
import { partialLifetime } from '#sharing/storage/partials.js';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { openSession } from '#sharing/client.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  clientLimits,
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { failingSync } from '../support/failing-sync.js';
import { makeTree, manyFiles, readTree } from '../support/trees.js';

const onLinux = process.platform === 'linux';
const MiB = 1024 ** 2;
let parties: Parties;
let served: ServedShare;
let session: ClientSession;

beforeAll(async () => {
  parties = await openParties();
});
afterAll(() => parties[Symbol.asyncDispose]());

beforeEach(async () => {
  served = await serveShare(parties);
  session = await openHonest(parties.owner, served.port, { stallTimeout: 5000 });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await session[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
});

type Wish = Omit<TransferOptions, 'onEnded'>;

async function get(path: string, wish: Wish = {}, by = session): Promise<Ended[]> {
  const ended: Ended[] = [];
  await by.get(path, {
    folder: served.received,
    receivedPrefix: 'new_',
    ...wish,
    onEnded: (one) => ended.push(one),
  });
  return ended;
}

async function put(names: readonly string[], wish: Wish = {}): Promise<Ended[]> {
  const ended: Ended[] = [];
  await session.put(
    names.map((name) => join(served.received, name)),
    { ...wish, onEnded: (one) => ended.push(one) },
  );
  return ended;
}

const ways = {
  get: { source: () => served.folder, target: () => served.received, move: get },
  put: {
    source: () => served.received,
    target: () => served.folder,
    move: (path: string, wish?: Wish) => put([path], wish),
  },
};

function eio(): Error {
  return Object.assign(new Error('EIO'), { code: 'EIO' });
}

/** Breaks a transfer off when so many bytes have come. */
function breakingAt(bytes: number): Wish {
  const stop = new AbortController();
  return {
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.bytes >= bytes) stop.abort();
    },
  };
}

describe.each(['get', 'put'] as const)('%s', (way) => {
  const { source, target, move } = ways[way];

  test('a folder whose large file broke off does not appear', async () => {
    await makeTree(join(source(), 'photos'), {
      'a.txt': 'a',
      'large.bin': randomBytes(60 * MiB),
    });
    const broken = move('photos', breakingAt(8 * MiB));
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    // The tree is kept for another time, beside the partial of the file.
    await expect
      .poll(async () => (await keptTransfers(target(), false)).map(({ name }) => name))
      .toContain('new_photos');
    expect(await readdir(target())).not.toContain('new_photos');
  });

  test('what the sender has not any more is not in the folder that goes on', async () => {
    const tree = manyFiles(600, 64 * 1024);
    await makeTree(join(source(), 'photos'), tree);
    const broken = move('photos', breakingAt(20 * MiB));
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    await expect.poll(() => keptTransfers(target(), false)).toHaveLength(1);
    const area = join(target(), '.lanpost');
    const name = (await readdir(area)).find((one) => one.endsWith('.tree')) ?? '';
    const came = (await readdir(join(area, name), { recursive: true })).find((one) =>
      one.endsWith('.bin'),
    );
    await rm(join(source(), 'photos', came ?? ''));
    await move('photos');
    const before = Object.keys(await readTree(join(source(), 'photos')));
    expect(Object.keys(await readTree(join(target(), 'new_photos')))).toEqual(before);
  });

  test.each([
    ['a file that became a folder', 'thing', 'thing/inner.txt'],
    ['a folder that became a file', 'thing/inner.txt', 'thing'],
  ])('goes on with %s', async (_, first, second) => {
    // Two large ones travel at once: the third leaves the folder open.
    await makeTree(join(source(), 'photos'), {
      [first]: 'x',
      'z/1.bin': randomBytes(30 * MiB),
      'z/2.bin': randomBytes(30 * MiB),
      'z/3.bin': randomBytes(30 * MiB),
    });
    const broken = move('photos', breakingAt(8 * MiB));
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    await expect.poll(() => keptTransfers(target(), false)).not.toEqual([]);
    await rm(join(source(), 'photos/thing'), { recursive: true });
    await makeTree(join(source(), 'photos'), { [second]: 'y' });
    const ended = await move('photos');
    expect(ended).toMatchObject([{ outcome: 'folder', failed: 0 }]);
    const before = Object.keys(await readTree(join(source(), 'photos')));
    expect(Object.keys(await readTree(join(target(), 'new_photos')))).toEqual(before);
  });

  test('goes on though the clock was set back: nothing comes twice', async () => {
    await makeTree(join(source(), 'photos'), {
      'a.txt': 'a',
      'z/1.bin': randomBytes(30 * MiB),
      'z/2.bin': randomBytes(30 * MiB),
      'z/3.bin': randomBytes(30 * MiB),
    });
    const broken = move('photos', breakingAt(8 * MiB));
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    await expect.poll(() => keptTransfers(target(), false)).not.toEqual([]);
    const now = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 60_000);
    await move('photos');
    const before = Object.keys(await readTree(join(source(), 'photos')));
    expect(Object.keys(await readTree(join(target(), 'new_photos')))).toEqual(before);
  });

  test.skipIf(!onLinux)('a name that cannot be made durable is taken away again', async () => {
    await makeTree(join(source(), 'photos'), { 'bad/a.txt': 'a' });
    await makeTree(join(target(), 'new_photos'), { 'bad/': '' });
    await failingSync(served.received, (place) => place.endsWith('/new_photos/bad'));
    expect(await move('photos')).toMatchObject([{ outcome: 'failed' }, { files: 0, failed: 1 }]);
    expect(await readdir(join(target(), 'new_photos/bad'))).toEqual([]);
  });

  test.skipIf(!onLinux)('a subfolder whose names cannot be made durable is told', async () => {
    await makeTree(join(source(), 'photos'), { 'sub/a.txt': 'a', 'b.txt': 'b' });
    await failingSync(served.received, (place) => place.endsWith('.tree/sub'));
    const ended = await move('photos');
    expect(ended.map(({ outcome }) => outcome)).toContain('failed');
    expect(ended).not.toContainEqual(expect.objectContaining({ outcome: 'folder', failed: 0 }));
  });

  test.skipIf(!onLinux)(
    'a new subfolder of a folder that is here is durable before its files are called so',
    async () => {
      await makeTree(join(source(), 'photos'), { 'sub/a.txt': 'a' });
      await mkdir(join(target(), 'new_photos'));
      const synced: string[] = [];
      await failingSync(served.received, (place) => {
        synced.push(place);
        return false;
      });
      await move('photos');
      expect(synced).toContain(join(target(), 'new_photos/sub'));
      expect(synced).toContain(join(target(), 'new_photos'));
    },
  );

  // Each makes place for another row, and the receiver has nothing to say of any.
  test('thousands of files that cannot be read are told without waiting for anything', async () => {
    const names = Array.from({ length: 1500 }, (_, n) => `f${n}`);
    await makeTree(join(source(), 'photos'), Object.fromEntries(names.map((name) => [name, 'x'])));
    const { openSync, promises } = fs;
    const openLater = promises.open;
    const mayNotBe = (place: unknown, flags: unknown): boolean =>
      /\/f\d+$/.test(String(place)) && (Number(flags) & fs.constants.O_CREAT) === 0;
    const spies = [
      vi.spyOn(fs, 'openSync').mockImplementation((place, flags, mode) => {
        if (mayNotBe(place, flags)) throw eio();
        return openSync(place, flags, mode);
      }),
      vi
        .spyOn(promises, 'open')
        .mockImplementation((place, flags, mode) =>
          mayNotBe(place, flags) ? Promise.reject(eio()) : openLater(place, flags, mode),
        ),
    ];
    syncBuiltinESMExports();
    try {
      const ended = await move('photos');
      expect(ended.filter(({ outcome }) => outcome === 'failed')).toHaveLength(names.length);
    } finally {
      for (const spy of spies) spy.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test('an empty folder that cannot be made is told', async () => {
    await makeTree(join(source(), 'photos'), { 'sub/': '' });
    await mkdir(join(target(), 'new_photos'));
    await writeFile(join(target(), 'new_photos/sub'), 'a file\n');
    const ended = await move('photos');
    expect(ended.map(({ outcome }) => outcome)).toContain('failed');
  });

  test('a folder that cannot be looked at is told', async () => {
    await makeTree(join(source(), 'photos'), { 'sub/a.txt': 'a', 'b.txt': 'b' });
    const { lstatSync } = fs;
    const { lstat } = fs.promises;
    const mustAnswer = (place: string): void => {
      if (place.endsWith('/sub')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    // Whichever way the disk is asked: it may be slow just now.
    vi.spyOn(fs, 'lstatSync').mockImplementation(((place: string, options: object) => {
      mustAnswer(place);
      return lstatSync(place, options);
    }) as typeof lstatSync);
    vi.spyOn(fs.promises, 'lstat').mockImplementation((async (place: string, options: object) => {
      mustAnswer(place);
      return lstat(place, options);
    }) as typeof lstat);
    syncBuiltinESMExports();
    try {
      const ended = await move('photos');
      expect(ended.map(({ outcome }) => outcome)).toContain('failed');
    } finally {
      vi.restoreAllMocks();
      syncBuiltinESMExports();
    }
  });

  test.skipIf(!onLinux)(
    'a path that is too long for a row is told, and the rest comes',
    async () => {
      await makeTree(join(source(), 'photos'), { 'a.txt': 'a' });
      await makeDeep(join(source(), 'photos'));
      try {
        const ended = await move('photos');
        expect(ended.map(({ outcome }) => outcome)).toContain('failed');
        expect(await readFile(join(target(), 'new_photos/a.txt'), 'utf8')).toBe('a');
      } finally {
        // Node's own rm knows no paths of such a length.
        execFileSync('rm', ['-rf', source(), target()]);
      }
    },
  );

  test('a folder that comes is not removed by another who tidies up', async () => {
    await makeTree(join(source(), 'photos'), {
      'a.txt': 'a',
      'large.bin': randomBytes(80 * MiB),
    });
    await writeFile(join(served.folder, 'other.txt'), 'other');
    let tidied: Promise<void> | undefined;
    const ended = await move('photos', {
      onProgress: ({ bytes }) => {
        if (bytes >= 8 * MiB) tidied ??= tidy(target());
      },
    });
    await tidied;
    expect(ended).toMatchObject([{ outcome: 'folder', files: 2, failed: 0 }]);
    expect(await readFile(join(target(), 'new_photos/a.txt'), 'utf8')).toBe('a');
  });
});

/** Folders of long names in one another: each name is legal, and so is their number, but not the path. */
async function makeDeep(root: string): Promise<void> {
  const name = 'x'.repeat(235);
  let above = await open(root);
  for (let depth = 0; depth < 18; depth += 1) {
    const place = `/proc/self/fd/${above.fd}/${name}`;
    await mkdir(place);
    const next = await open(place);
    await above.close();
    above = next;
  }
  await writeFile(`/proc/self/fd/${above.fd}/deep.txt`, 'deep');
  await above.close();
}

/** Somebody else receives into the folder, at a time when what lies there is old. */
async function tidy(folder: string): Promise<void> {
  await using other = await openSession({
    device: parties.owner,
    name: 'other',
    hosts: ['127.0.0.1'],
    port: served.port,
    limits: clientLimits,
    now: () => Date.now() + partialLifetime + 1000,
  });
  await other.get('other.txt', { folder, receivedPrefix: '', onEnded: () => undefined });
}

describe('ends of which nothing is to come', () => {
  test('several files that are all too large end', async () => {
    await using small = await serveShare(parties, { maxFileSize: 10 });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, small.port, { stallTimeout: 5000 });
    await makeTree(served.received, { 'a.txt': 'a'.repeat(100), 'b.txt': 'b'.repeat(100) });
    expect(await put(['a.txt', 'b.txt'])).toMatchObject([
      { outcome: 'failed', error: { code: 'file-too-large' } },
      { outcome: 'failed', error: { code: 'file-too-large' } },
    ]);
  });

  test('several files that are all skipped end', async () => {
    await makeTree(served.received, { 'a.txt': 'a', 'b.txt': 'b' });
    await makeTree(served.folder, { 'new_a.txt': 'mine', 'new_b.txt': 'mine' });
    expect(await put(['a.txt', 'b.txt'], { policy: 'skip' })).toMatchObject([
      { outcome: 'skipped' },
      { outcome: 'skipped' },
    ]);
  });

  test('a folder whose name gets too long by the prefix ends', async () => {
    const name = 'x'.repeat(238);
    await makeTree(served.received, { [`${name}/a.txt`]: 'a' });
    const ended = await put([name]);
    expect(ended).toContainEqual(
      expect.objectContaining({
        outcome: 'failed',
        error: expect.objectContaining({ code: 'name-too-long' }) as Error,
      }),
    );
  });

  test('several empty files that are here already end', async () => {
    await makeTree(served.received, { 'a.txt': '', 'b.txt': '' });
    await put(['a.txt', 'b.txt']);
    expect(await put(['a.txt', 'b.txt'])).toMatchObject([
      { outcome: 'identical' },
      { outcome: 'identical' },
    ]);
  });
});

describe('a session that outlives breaks', () => {
  function steady(): ClientSession {
    return steadySession(session, {
      reopen: () => openHonest(parties.owner, served.port),
      patience: 1000,
      onBroken: () => undefined,
      onBack: () => undefined,
    });
  }

  test('tells of each of several that a pattern finds under one name', async () => {
    await makeTree(served.folder, { 'a/x.txt': 'a', 'b/x.txt': 'b' });
    const ended = await get('*/x.txt', {}, steady());
    expect(ended.map((one) => 'as' in one && one.as).sort()).toEqual([
      'new_x (2).txt',
      'new_x.txt',
    ]);
  });

  test('tells of a failure after a success under the same name', async () => {
    await makeTree(served.folder, { 'a/x.txt': 'a', 'b/x.txt': 'b'.repeat(100) });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port, { maxFileSize: 50 });
    const ended = await get('*/x.txt', {}, steady());
    expect(ended.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'received']);
  });

  test('tells of a folder of which something failed', async () => {
    await makeTree(join(served.folder, 'photos'), { 'bad\nname': 'x', 'a.txt': 'a' });
    const ended = await get('photos', {}, steady());
    expect(ended.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'folder']);
  });
});
