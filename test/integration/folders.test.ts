import type { ClientSession, Ended, GetOptions, TransferOptions } from '#sharing/client.js';
import { keptTransfers } from '#sharing/local.js';
import { randomBytes } from 'node:crypto';
import {
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leftovers } from '../support/files.js';
import {
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { makeTree, manyFiles, readTree, type Tree } from '../support/trees.js';

const MiB = 1024 ** 2;
let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
});
afterAll(() => parties[Symbol.asyncDispose]());

/** One of everything that may travel. */
const photos: Tree = {
  'a.txt': 'a\n',
  'empty.txt': '',
  'empty folder/': '',
  'deep/er/and deeper/b.txt': 'b\n',
  'deep/one chunk.bin': randomBytes(MiB),
  'deep/large.bin': randomBytes(3 * MiB + 5),
  'deep/also large.bin': randomBytes(2 * MiB),
  'ümlaut 日本.txt': 'ü\n',
};

interface Moved {
  readonly ended: Ended[];
  readonly left: { readonly links: number; readonly hidden: number };
}

interface Wish extends Omit<TransferOptions, 'onEnded'> {
  readonly onEnded?: (ended: Ended) => void;
}

/** The two directions, so that each promise is tried in both. */
const ways = {
  async get(session: ClientSession, served: ServedShare, path: string, wish: Wish = {}) {
    const ended: Ended[] = [];
    const left = await session.get(path, {
      folder: served.received,
      receivedPrefix: 'new_',
      ...wish,
      onEnded: (one) => ended.push(one),
    });
    return { ended, left } satisfies Moved;
  },
  async put(session: ClientSession, served: ServedShare, path: string, wish: Wish = {}) {
    const ended: Ended[] = [];
    const left = await session.put([join(served.received, path)], {
      ...wish,
      onEnded: (one) => ended.push(one),
    });
    return { ended, left } satisfies Moved;
  },
};

describe.each(['get', 'put'] as const)('%s', (way) => {
  let served: ServedShare;
  let session: ClientSession;
  let source: string;
  let target: string;
  const move = (path: string, wish?: Wish): Promise<Moved> =>
    ways[way](session, served, path, wish);

  beforeEach(async () => {
    served = await serveShare(parties);
    session = await openHonest(parties.owner, served.port);
    source = way === 'get' ? served.folder : served.received;
    target = way === 'get' ? served.received : served.folder;
    return async () => {
      await session[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
    };
  });

  test('a folder comes whole, with all times, and leaves nothing behind', async () => {
    await makeTree(join(source, 'photos'), photos);
    const before = await readTree(join(source, 'photos'));
    const { ended } = await move('photos');
    expect(ended).toMatchObject([
      { outcome: 'folder', as: 'new_photos', files: 7, identical: 0, skipped: 0, failed: 0 },
    ]);
    expect(await readTree(join(target, 'new_photos'))).toEqual(before);
    const times = await Promise.all(
      [join(source, 'photos'), join(target, 'new_photos')].map((place) =>
        stat(place, { bigint: true }),
      ),
    );
    const [theirs, ours] = times.map(({ mtimeNs }) => mtimeNs / 1000n);
    expect(ours).toBe(theirs);
    expect(await leftovers(target)).toEqual([]);
  });

  test('an empty folder comes too', async () => {
    await mkdir(join(source, 'empty'));
    await move('empty');
    expect(await readdir(join(target, 'new_empty'))).toEqual([]);
  });

  test('links and hidden names are left out and counted', async () => {
    await makeTree(join(source, 'photos'), { 'a.txt': 'a', '.hidden': 'h', '.git/b': 'b' });
    await symlink('/etc/passwd', join(source, 'photos/passwd'));
    await symlink(served.outside, join(source, 'photos/outside'));
    const { ended, left } = await move('photos');
    expect(left).toEqual({ links: 2, hidden: 2 });
    expect(ended).toMatchObject([{ outcome: 'folder', files: 1, failed: 0 }]);
    expect(await readdir(join(target, 'new_photos'))).toEqual(['a.txt']);
  });

  test('a name that cannot be shared is reported, and the rest goes on', async () => {
    await makeTree(join(source, 'photos'), {
      'bad\nname': 'x',
      'sub/bad\\name': 'y',
      'sub/a': 'a',
    });
    const { ended } = await move('photos');
    const problems = ended.filter(({ outcome }) => outcome === 'failed');
    const typed = way === 'get' ? 'photos' : join(source, 'photos');
    expect(problems.map(({ path }) => path).sort()).toEqual([typed, `${typed}/sub`]);
    expect(problems).toMatchObject([
      { error: { code: 'name-refused' } },
      { error: { code: 'name-refused' } },
    ]);
    expect(ended.at(-1)).toMatchObject({ outcome: 'folder', files: 1, failed: 2 });
    expect(await readdir(join(target, 'new_photos/sub'))).toEqual(['a']);
  });

  test('each file is told once its folder is there, if that is wanted', async () => {
    await makeTree(join(source, 'photos'), { 'a.txt': 'a', 'sub/b.txt': 'b' });
    const { ended } = await move('photos', { each: true });
    const typed = way === 'get' ? 'photos' : join(source, 'photos');
    const outcome = way === 'get' ? 'received' : 'stored';
    expect(ended).toHaveLength(3);
    expect(ended).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ outcome, path: `${typed}/a.txt`, as: 'new_photos/a.txt' }),
        expect.objectContaining({
          outcome,
          path: `${typed}/sub/b.txt`,
          as: 'new_photos/sub/b.txt',
        }),
      ]),
    );
    expect(ended.at(-1)).toMatchObject({ outcome: 'folder', path: typed });
  });

  test('where the folder is already, only what is missing comes; what differs gets a number', async () => {
    await makeTree(join(source, 'photos'), photos);
    await move('photos');
    await writeFile(join(target, 'new_photos/a.txt'), 'mine\n');
    await writeFile(join(target, 'new_photos/deep/large.bin'), randomBytes(3 * MiB + 5));
    await rm(join(target, 'new_photos/deep/er'), { recursive: true });
    await writeFile(join(target, 'new_photos/my own.txt'), 'own\n');
    const { ended } = await move('photos');
    expect(ended).toMatchObject([{ outcome: 'folder', as: 'new_photos', files: 7, identical: 4 }]);
    const names = await readdir(join(target, 'new_photos'), { recursive: true });
    expect(names).toEqual(
      expect.arrayContaining([
        'a (2).txt',
        'deep/large (2).bin',
        'deep/er/and deeper/b.txt',
        'my own.txt',
      ]),
    );
    expect(await readFile(join(target, 'new_photos/a.txt'), 'utf8')).toBe('mine\n');
    expect(await readFile(join(target, 'new_photos/a (2).txt'), 'utf8')).toBe('a\n');
    const again = await move('photos');
    expect(again.ended).toMatchObject([{ files: 7, identical: 7, bytes: 0 }]);
    expect(await leftovers(target)).toEqual([]);
  });

  test('the policy says what becomes of files that differ', async () => {
    const change = async (): Promise<void> => {
      await writeFile(join(target, 'new_photos/old.txt'), 'theirs\n');
      await utimes(join(target, 'new_photos/old.txt'), 1, 1);
      await writeFile(join(target, 'new_photos/new.txt'), 'theirs\n');
    };
    const contents = (): Promise<string[]> =>
      Promise.all(
        ['old.txt', 'new.txt'].map((name) => readFile(join(target, 'new_photos', name), 'utf8')),
      );
    await makeTree(join(source, 'photos'), { 'old.txt': 'ours\n', 'new.txt': 'ours\n' });
    await move('photos');
    await change();
    expect((await move('photos', { policy: 'skip' })).ended).toMatchObject([
      { files: 0, skipped: 2 },
    ]);
    expect(await contents()).toEqual(['theirs\n', 'theirs\n']);
    await move('photos', { policy: 'update' });
    expect(await contents()).toEqual(['ours\n', 'theirs\n']);
    await change();
    await move('photos', { policy: 'overwrite' });
    expect(await contents()).toEqual(['ours\n', 'ours\n']);
    expect(await readdir(join(target, 'new_photos'))).toHaveLength(2);
  });

  test('a file of that name stays, and so does a link', async () => {
    await makeTree(join(source, 'photos'), { 'a.txt': 'a' });
    await symlink(served.outside, join(target, 'new_photos'));
    expect((await move('photos')).ended).toMatchObject([{ as: 'new_photos (2)' }]);
    await rm(join(target, 'new_photos'));
    await rm(join(target, 'new_photos (2)'), { recursive: true });
    await writeFile(join(target, 'new_photos'), 'a file\n');
    expect((await move('photos')).ended).toMatchObject([{ as: 'new_photos (2)' }]);
    expect(await readFile(join(target, 'new_photos'), 'utf8')).toBe('a file\n');
    expect(await readdir(served.outside)).toEqual(['canary.txt']);
  });

  test('a link where a folder inside should be takes nothing in', async () => {
    await makeTree(join(source, 'photos'), {
      'sub/a.txt': 'a',
      'sub/deeper/c.txt': 'c',
      'b.txt': 'b',
    });
    await mkdir(join(target, 'new_photos'));
    await symlink(served.outside, join(target, 'new_photos/sub'));
    const { ended } = await move('photos');
    const failed = ended.filter(({ outcome }) => outcome === 'failed');
    // The folder, and each file that should have come to lie in it.
    expect(failed).toHaveLength(3);
    for (const one of failed) expect(one).toMatchObject({ error: { code: 'not-a-folder' } });
    expect(ended.at(-1)).toMatchObject({ outcome: 'folder', files: 1, failed: 3 });
    expect(await readdir(served.outside)).toEqual(['canary.txt']);
  });

  test('breaks off, is kept, and goes on', async () => {
    await makeTree(join(source, 'photos'), manyFiles(600, 64 * 1024));
    const before = await readTree(join(source, 'photos'));
    const stop = new AbortController();
    const broken = move('photos', {
      signal: stop.signal,
      onProgress: ({ files }) => {
        if (files && files.done >= 300) stop.abort();
      },
    });
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    expect(await readdir(target)).not.toContain('new_photos');
    await expect.poll(() => keptTransfers(target, false)).toHaveLength(1);
    const [kept] = await keptTransfers(target, false);
    expect(kept?.name).toBe('new_photos');
    expect(kept?.bytes).toBeGreaterThan(200 * 64 * 1024);
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    expect((await move('photos')).ended).toMatchObject([{ files: 600, identical: 0, failed: 0 }]);
    expect(await readTree(join(target, 'new_photos'))).toEqual(before);
    expect(await leftovers(target)).toEqual([]);
    const moved = served.events.find(
      (one) => one.event === (way === 'get' ? 'many-out' : 'many-in'),
    );
    if (way === 'get') expect(moved).toMatchObject({ files: 600 });
    if (way === 'get')
      expect(Object(moved)).toHaveProperty(
        'bytes',
        expect.toSatisfy((bytes: number) => bytes <= 350 * 64 * 1024),
      );
  });

  test('broken off while only a large file is missing, it does not appear', async () => {
    await makeTree(join(source, 'photos'), { 'a.txt': 'a', 'large.bin': randomBytes(48 * MiB) });
    const before = await readTree(join(source, 'photos'));
    const stop = new AbortController();
    const broken = move('photos', {
      signal: stop.signal,
      onProgress: ({ bytes, files }) => {
        if (files?.done === 1 && bytes > 4 * MiB) stop.abort();
      },
    });
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    await expect.poll(() => keptTransfers(target, false)).toHaveLength(2);
    expect(await readdir(target)).not.toContain('new_photos');
    expect((await move('photos')).ended).toMatchObject([{ files: 2, failed: 0 }]);
    expect(await readTree(join(target, 'new_photos'))).toEqual(before);
    expect(await leftovers(target)).toEqual([]);
  });

  test('a folder that cannot be made here ends by itself, and with all that is in it', async () => {
    const name = 'n'.repeat(238);
    await makeTree(join(source, name), { 'a.txt': 'a', 'sub/': '' });
    if (way === 'get') {
      // The client knows its own names before it asks.
      await expect(move(name)).rejects.toMatchObject({ code: 'name-too-long' });
      return;
    }
    const { ended } = await move(name);
    expect(ended.map((one) => one.outcome === 'failed' && one.error.code)).toEqual([
      'name-too-long',
      'name-too-long',
    ]);
  });

  test('an empty file that lies here under a number is told with that number', async () => {
    await makeTree(join(source, 'photos'), { 'empty.txt': '' });
    await makeTree(join(target, 'new_photos'), { 'empty.txt': 'mine\n' });
    await move('photos');
    const { ended } = await move('photos', { each: true });
    expect(ended).toMatchObject([
      { outcome: 'identical', as: 'new_photos/empty (2).txt' },
      { outcome: 'folder', identical: 1 },
    ]);
  });

  test('what was damaged or changed since it broke off comes anew', async () => {
    await makeTree(join(source, 'photos'), manyFiles(600, 64 * 1024));
    const stop = new AbortController();
    const broken = move('photos', {
      signal: stop.signal,
      onProgress: ({ files }) => {
        if (files && files.done >= 150) stop.abort();
      },
    });
    await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
    await session[Symbol.asyncDispose]();
    session = await openHonest(parties.owner, served.port);
    await expect.poll(() => keptTransfers(target, false)).toHaveLength(1);
    const tree = (await leftovers(target)).find((name) => name.endsWith('.tree')) ?? '';
    const staged = join(target, '.lanpost', tree);
    const files = (await readdir(staged, { recursive: true })).filter((name) =>
      name.endsWith('.bin'),
    );
    expect(files.length).toBeGreaterThan(100);
    // A flipped bit, a short file, a changed source, a link to one that is outside, a second name for it.
    const [flipped = '', short = '', changed = '', linked = '', twice = ''] = files;
    const bytes = await readFile(join(staged, flipped));
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    await writeFile(join(staged, flipped), bytes);
    await truncate(join(staged, short), 100);
    await writeFile(join(source, 'photos', changed), randomBytes(64 * 1024));
    await rm(join(staged, linked));
    await symlink(join(served.outside, 'canary.txt'), join(staged, linked));
    await link(join(staged, twice), join(served.outside, 'twice'));
    const before = await readTree(join(source, 'photos'));
    await move('photos');
    const after = await readTree(join(target, 'new_photos'));
    const names = Object.keys(before).filter((path) => path !== linked);
    for (const name of names) if (!name.endsWith('/')) expect(after[name], name).toBe(before[name]);
    expect(await readFile(join(served.outside, 'canary.txt'), 'utf8')).toContain('CANARY');
  });

  test('two at once of the same folder do not disturb each other', async () => {
    await makeTree(join(source, 'photos'), manyFiles(100, 8 * 1024));
    const before = await readTree(join(source, 'photos'));
    await using other = await openHonest(parties.owner, served.port);
    const all = await Promise.all([move('photos'), ways[way](other, served, 'photos')]);
    const names = all.map(({ ended }) => ended.at(-1)).map((one) => one && 'as' in one && one.as);
    expect(names.sort()).toEqual(['new_photos', 'new_photos (2)']);
    for (const name of names) expect(await readTree(join(target, String(name)))).toEqual(before);
    expect(await leftovers(target)).toEqual([]);
  });

  test('what vanishes or changes after it was offered fails alone', async () => {
    await makeTree(source, {
      'photos/1.bin': randomBytes(40 * MiB),
      'photos/2.bin': randomBytes(40 * MiB),
      'photos/3.bin': randomBytes(40 * MiB),
      'photos/sub/gone.txt': 'gone\n',
      'photos/sub/grown.txt': 'grown\n',
      'photos/sub/replaced.txt': 'replaced\n',
      'photos/sub/stays.txt': 'stays\n',
    });
    let moved = false;
    const { ended } = await move('photos', {
      // Two large ones travel at once; what comes after the third is not opened yet.
      onProgress: ({ bytes }) => {
        if (bytes === 0 || moved) return;
        moved = true;
        const at = (name: string): string => join(source, 'photos/sub', name);
        void rm(at('gone.txt'));
        void writeFile(at('grown.txt'), 'grown and more\n');
        void writeFile(join(source, 'other'), 'replaced\n').then(() =>
          rename(join(source, 'other'), at('replaced.txt')),
        );
      },
    });
    const failed = ended.flatMap((one) =>
      one.outcome === 'failed' ? [`${one.path.split('/').at(-1) ?? ''} ${one.error.code}`] : [],
    );
    expect(failed.sort()).toEqual([
      'gone.txt not-found',
      'grown.txt changed',
      'replaced.txt changed',
    ]);
    expect(await readdir(join(target, 'new_photos/sub'))).toEqual(['stays.txt']);
  });
});

describe('globs', () => {
  test('get takes all that matches and nothing else', async () => {
    await using served = await serveShare(parties);
    await using session = await openHonest(parties.owner, served.port);
    await makeTree(served.folder, {
      'a1.txt': '1',
      'a2.txt': '2',
      'b1.txt': '3',
      'a3/x.txt': '4',
      'a3/y.md': '5',
      '.a4': '6',
    });
    const { ended } = await ways.get(session, served, 'a*');
    expect(ended.map(({ path }) => path).sort()).toEqual(['a1.txt', 'a2.txt', 'a3']);
    expect((await ways.get(session, served, 'a?/*.md')).ended).toMatchObject([{ as: 'new_y.md' }]);
    await expect(ways.get(session, served, 'c*')).rejects.toMatchObject({ code: 'not-found' });
    await writeFile(join(served.folder, 'a*'), 'literal');
    expect((await ways.get(session, served, 'a*')).ended).toMatchObject([{ as: 'new_a*' }]);
    await writeFile(join(served.folder, 'x [20]'), 'matches not even itself');
    expect((await ways.get(session, served, 'x [20]')).ended).toMatchObject([{ as: 'new_x [20]' }]);
    expect((await readdir(served.received)).filter((name) => name !== '.lanpost').sort()).toEqual(
      ['new_a*', 'new_a1.txt', 'new_a2.txt', 'new_a3', 'new_x [20]', 'new_y.md'].sort(),
    );
  });

  test('several things go in one transfer, and each ends by itself', async () => {
    await using served = await serveShare(parties);
    await using session = await openHonest(parties.owner, served.port);
    const at = (name: string): string => join(served.received, name);
    await makeTree(served.received, {
      'a.txt': 'a',
      'photos/b.txt': 'b',
      'large.bin': randomBytes(2 * MiB),
    });
    const ended: Ended[] = [];
    const onEnded = (one: Ended): number => ended.push(one);
    await session.put([at('a.txt'), at('none'), at('photos'), at('large.bin')], { onEnded });
    expect(
      ended.map((one) => `${one.outcome} ${'as' in one ? one.as : one.error.code}`).sort(),
    ).toEqual([
      'failed not-found',
      'folder new_photos',
      'stored new_a.txt',
      'stored new_large.bin',
    ]);
    expect(await leftovers(served.folder)).toEqual([]);
  });
});

describe('several paths', () => {
  test('come in one transfer, and each ends by itself', async () => {
    await using served = await serveShare(parties);
    await using session = await openHonest(parties.owner, served.port);
    await makeTree(served.folder, {
      'a.txt': 'a',
      'x/b.txt': 'b',
      'x/empty.txt': '',
      'photos/c.txt': 'c',
      'photos/d.txt': 'dd',
      'large.bin': randomBytes(2 * MiB),
    });
    await symlink('a.txt', join(served.folder, 'link'));
    const { ended } = await getList(session, served, [
      ...(['gone.txt', 'a.txt', 'photos', 'link', 'a.txt/e', 'x/b.txt', 'no/f.txt'] as const),
      ...(['large.bin', 'x/empty.txt'] as const),
    ]);
    expect(ended.map(inWords).sort()).toEqual([
      'a.txt new_a.txt',
      'a.txt/e not-a-folder',
      'gone.txt not-found',
      'large.bin new_large.bin',
      'link not-a-file',
      'no/f.txt not-found',
      'photos new_photos',
      'x/b.txt new_b.txt',
      'x/empty.txt new_empty.txt',
    ]);
    expect(await readdir(join(served.received, 'new_photos'))).toEqual(['c.txt', 'd.txt']);
    expect(served.events.filter(({ event }) => event === 'file-failed')).toHaveLength(4);
  });

  test('what is not wanted any more is left, without a word', async () => {
    await using served = await serveShare(parties);
    await using session = await openHonest(parties.owner, served.port);
    await makeTree(served.folder, { 'a.txt': 'a', 'b.txt': 'b', 'c/d.txt': 'd' });
    const paths = ['a.txt', 'gone.txt', 'b.txt', 'c'] as const;
    const stillWanted = (path: string): boolean => path !== 'b.txt' && path !== 'c';
    const { ended } = await getList(session, served, paths, { stillWanted });
    expect(ended.map(inWords).sort()).toEqual(['a.txt new_a.txt', 'gone.txt not-found']);
    expect(await leftovers(served.received)).toEqual([]);
    expect(served.events.filter(({ event }) => event === 'file-failed')).toHaveLength(1);
  });
});

async function getList(
  session: ClientSession,
  served: ServedShare,
  paths: readonly [string, ...string[]],
  wish: Pick<GetOptions, 'stillWanted'> = {},
): Promise<Moved> {
  const ended: Ended[] = [];
  const onEnded = (one: Ended): number => ended.push(one);
  const options = { folder: served.received, receivedPrefix: 'new_', ...wish, onEnded };
  return { ended, left: await session.getList(paths, options) };
}

function inWords(one: Ended): string {
  return `${one.path} ${'as' in one ? one.as : one.error.code}`;
}
