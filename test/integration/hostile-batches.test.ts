import type { ClientSession, Ended } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { digestOf, digestText } from '#sharing/storage/digest.js';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test, vi } from 'vitest';
import {
  chunkFrame,
  digestsFrame,
  enter,
  frame,
  saying,
  startHostileServer,
  welcome,
  type HostilePeer,
  type Said,
} from '../support/hostile-peer.js';
import {
  expectUnharmed,
  eventually,
  holdings,
  openHonest,
  openParties,
  partialsIn,
  serveShare,
  type Holdings,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { failingSync } from '../support/failing-sync.js';
import { makeTree } from '../support/trees.js';

const MiB = 1024 ** 2;
const tag = 'b'.repeat(32);
let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
});
afterAll(() => parties[Symbol.asyncDispose]());

type Row =
  | readonly [string, number]
  | readonly [string, number, number, string?]
  | readonly [string, string, string];

/** A page of a batch; the last one if nothing else is said. */
function page(files: readonly Row[], more = false, extra: object = {}): object {
  const left = more ? {} : { left: { links: 0, hidden: 0 } };
  return { t: 'offer', id: 1, files, more, batch: true, ...left, ...extra };
}

/** A small file as it travels. */
function small(file: number, bytes: Buffer): Buffer {
  const header = { file, length: bytes.length, digest: digestOf('blake3', bytes) };
  return Buffer.concat([chunkFrame(header), frame(3, bytes)]);
}

/** A large file as it travels, to its end. */
function large(file: number, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MiB) {
    const part = bytes.subarray(at, at + MiB);
    const digest = digestOf('blake3', part);
    parts.push(chunkFrame({ file, chunk: at / MiB, length: part.length, digest }), frame(3, part));
  }
  return [...parts, saying({ t: 'end', id: 1, file })];
}

/** Waits until each of these files is wanted. */
async function wanted(peer: HostilePeer, ...numbers: readonly number[]): Promise<void> {
  const missing = new Set(numbers);
  while (missing.size > 0) {
    const { files, all = [] } = (await peer.hear('want')) as unknown as {
      files: { file: number }[];
      all?: [number, number][];
    };
    for (const number of missing) {
      if (files.some(({ file }) => file === number)) missing.delete(number);
      if (all.some(([from, to]) => from <= number && number < to)) missing.delete(number);
    }
  }
}

/** The session ends, and the last word says why. */
async function expectEnded(peer: HostilePeer, code = 'protocol'): Promise<void> {
  const last = (await peer.farewell()).filter(({ t }) => t === 'error').at(-1);
  expect(last).toMatchObject({ code });
}

const abc = Buffer.from('abc');

describe('a client that puts', () => {
  let served: ServedShare;
  let before: Holdings;
  let peer: HostilePeer;

  beforeEach(async () => {
    served = await serveShare(parties, { stallTimeout: 400 });
    before = holdings(served);
    peer = await enter(served.port, parties.peer);
  });
  afterEach(async () => {
    await peer[Symbol.asyncDispose]();
    await expectAllOut(served);
    await removeKept(served);
    await expectUnharmed(served, before);
    await served[Symbol.asyncDispose]();
  });

  test.each<[string, readonly object[]]>([
    ['a row outside of the folders before it', [page([['a', 1]], true), page([['b/c', 1, 1]])]],
    [
      'a row in a folder that was left',
      [
        page(
          [
            ['a', 1],
            ['b', 1],
          ],
          true,
        ),
        page([['a/c', 1, 1]]),
      ],
    ],
    ['an empty page with more to come', [page([['a', 1]], true), page([], true)]],
    [
      'a page after the last',
      [
        page([
          ['a', 1],
          ['a/b', 1, 1],
        ]),
        page([['c', 1]]),
      ],
    ],
    ['a large file without a tag', [page([['a', 1]], true), page([['a/b', 2 * MiB, 1]])]],
    [
      '33 names deep',
      [
        page([['a', 1]], true),
        page(
          Array.from(
            { length: 32 },
            (_, n) =>
              [
                Array(n + 2)
                  .fill('a')
                  .join('/'),
                1,
              ] as const,
          ),
        ),
      ],
    ],
    [
      'more rows than may be open',
      Array.from({ length: 5 }, (_, at) =>
        page(
          Array.from({ length: 450 }, (_, n) => [`f${at}-${n}`, 1, 1] as const),
          true,
        ),
      ),
    ],
    [
      'an end of a row that was not offered',
      [page([['a', 1]], true), { t: 'end', id: 1, file: 9 }],
    ],
    [
      'a fail of a row that was not offered',
      [page([['a', 1]], true), { t: 'fail', id: 1, file: 9, code: 'changed', message: '' }],
    ],
    ['a report of a receiver', [page([['a', 1]], true), { t: 'finished', id: 1 }]],
  ])('is sent away: %s', async (_, messages) => {
    peer.say(...messages);
    await expectEnded(peer);
  });

  test.each<[string, object]>([
    ['a row outside of a folder', page([['a/b', 1, 1]])],
    ['an empty page with more to come', page([], true)],
    ['a large file without a tag', page([['b', 2 * MiB, 1]])],
  ])('is sent away for its first page: %s', async (_, message) => {
    peer.say(message);
    await expectEnded(peer);
  });

  test.each<[string, Buffer]>([
    ['the chunk of another', small(1, abc)],
    ['a chunk of another length', small(0, Buffer.from('abcd'))],
    ['another chunk', chunkFrame({ chunk: 1, length: 3 })],
    ['digests that nobody wants', digestsFrame(1, 0, 0, Buffer.alloc(32))],
    ['the same twice', Buffer.concat([small(0, abc), small(0, abc)])],
  ])('is sent away for %s', async (_, bytes) => {
    peer.say(page([['a', 3, 1]], true));
    await wanted(peer, 0);
    peer.raw(bytes);
    await expectEnded(peer);
  });

  test.each(['..', '.', '.lanpost', 'a\\b', 'a\nb', '.hidden', 'x'.repeat(241)])(
    'is refused a folder called %j, and all in it',
    async (name) => {
      peer.say(
        page(
          [
            [name, 1],
            [`${name}/x`, 3, 1],
            ['good', 3, 1],
          ],
          true,
        ),
      );
      await wanted(peer, 2);
      peer.raw(small(2, abc));
      await peer.hear('receipts');
      peer.say(page([]));
      await peer.hear('finished');
      expect((await readdir(served.folder)).sort()).toEqual(['.lanpost', 'new_good', 'plain.txt']);
    },
  );

  test.each(['../up', 'a/b', '.', ''])('is refused the name %j for the top', async (as) => {
    peer.say(
      page(
        [
          ['a', 1],
          ['a/b', 3, 1],
        ],
        true,
        { as },
      ),
    );
    await peer.hear('fail', 'error');
    expect((await readdir(served.folder)).filter((name) => name !== '.lanpost')).toEqual([
      'plain.txt',
    ]);
  });

  test('gives a damaged file: it has no receipt and no name', async () => {
    peer.say(page([['a', 3, 1]]));
    await wanted(peer, 0);
    peer.raw(chunkFrame({ length: 3 }), frame(3, abc));
    expect(await peer.hear('fail', 'receipts')).toMatchObject({ t: 'fail', code: 'damaged' });
    await peer.hear('finished');
    expect(await readdir(served.folder)).not.toContain('new_a');
  });

  test('swaps the folder of a tree for a link that leads out', async () => {
    peer.say(
      page(
        [
          ['photos', 1],
          ['photos/sub', 1],
        ],
        true,
      ),
    );
    await eventually('the tree is there', () => partialsIn(served.folder).length >= 3);
    const tree = partialsIn(served.folder).find((name) => name.endsWith('.tree')) ?? '';
    const place = join(served.folder, '.lanpost', tree, 'sub');
    for (;;) {
      const moved = await rename(place, `${place}.aside`).then(
        () => true,
        () => false,
      );
      if (moved) break;
      await delay(5);
    }
    await symlink(served.outside, place);
    peer.say(
      page([
        ['photos/sub/canary.txt', 3, 1],
        ['photos/sub/deep', 1],
        ['photos/sub/deep/x', 3, 1],
      ]),
    );
    await wanted(peer, 2);
    peer.raw(small(2, abc));
    await peer.hear('fail', 'receipts');
    expect(await readdir(served.outside)).toEqual(['canary.txt']);
  });

  test('brings one path twice: both are kept, small or large', async () => {
    const bytes = [randomBytes(MiB + 1), randomBytes(MiB + 1)];
    const rows: Row[] = [
      ['photos', 1],
      ['photos/small', 3, 1],
      ['photos/small', 3, 1],
      ['photos/large', MiB + 1, 1, tag],
      ['photos/large', MiB + 1, 1, tag],
    ];
    peer.say(page(rows));
    await wanted(peer, 1);
    peer.raw(small(1, abc), small(2, Buffer.from('def')));
    // Both are judged side by side, in whichever order the disk answers.
    await wanted(peer, 3, 4);
    peer.raw(...large(3, bytes[0]!), ...large(4, bytes[1]!));
    const receipts = [await peer.hear('receipt'), await peer.hear('receipt')];
    await peer.hear('placed');
    expect(receipts.map((one) => one['as']).sort()).toEqual(['large', 'large (2)']);
    const names = await readdir(join(served.folder, 'new_photos'));
    expect(names.sort()).toEqual(['large', 'large (2)', 'small', 'small (2)']);
  });

  test('brings a large file under the name of a small one: both are kept', async () => {
    peer.say(
      page([
        ['photos', 1],
        ['photos/x', 3, 1],
        ['photos/x', MiB + 1, 1, tag],
      ]),
    );
    await wanted(peer, 2);
    peer.raw(small(1, abc));
    await peer.hear('receipts');
    peer.raw(...large(2, randomBytes(MiB + 1)));
    await peer.hear('receipt');
    await peer.hear('placed');
    expect((await readdir(join(served.folder, 'new_photos'))).sort()).toEqual(['x', 'x (2)']);
  });

  test('offers three large files and falls silent', async () => {
    const names = ['a', 'b', 'c'];
    peer.say(page(names.map((name) => [name, 2 * MiB, 1, tag] as const)));
    await wanted(peer, 1);
    await expectEnded(peer, 'stalled');
  });

  test('offers a small file and falls silent', async () => {
    peer.say(page([['a', 3, 1]]));
    await wanted(peer, 0);
    await expectEnded(peer, 'stalled');
  });

  test('says again and again the end of a small file', async () => {
    peer.say(page([['a', 3, 1]]));
    await wanted(peer, 0);
    await expectClosedWhile(peer, saying({ t: 'end', id: 1, file: 0 }));
    await expectEnded(peer);
  });

  test('takes back what it has sent: what is not here is not called complete', async () => {
    peer.say(
      page([
        ['photos', 1],
        ['photos/a', 3, 1],
        ['photos/b', 3, 1],
      ]),
    );
    await wanted(peer, 2);
    // Together, so that the file is not on the disk yet when it is taken back.
    const fail = saying({ t: 'fail', id: 1, file: 1, code: 'changed', message: '' });
    peer.raw(Buffer.concat([small(1, abc), fail]));
    const first = await peer.hear('receipts', 'fail', 'error');
    for (let times = 0; times < 20; times += 1) await peer.lives();
    expect(await readdir(served.folder)).not.toContain('new_photos');
    peer.raw(small(2, abc));
    const last = await peer.hear('finished', 'error').catch(() => first);
    // Either it is a breach, or it is too late and changes nothing.
    if (last.t === 'finished') {
      expect((await readdir(join(served.folder, 'new_photos'))).sort()).toEqual(['a', 'b']);
      expect(served.events).toContainEqual(
        expect.objectContaining({ event: 'many-in', files: 2, failed: 0 }),
      );
    } else expect(last).toMatchObject({ t: 'error', code: 'protocol' });
  });

  test('goes on after the receiver has stopped: it is not read for ever', async () => {
    await using full = await serveShare(parties, { stallTimeout: 400, keepFree: 2 ** 52 });
    await using other = await enter(full.port, parties.peer);
    other.say(page([['a', 3, 1]], true));
    expect(await other.hear('stop')).toMatchObject({ code: 'no-room' });
    const bytes = Buffer.concat([chunkFrame({ length: 64 * 1024 }), frame(3, Buffer.alloc(65536))]);
    await expectClosedWhile(other, bytes);
    await expectEnded(other, 'stalled');
  });

  test('brings folders and empty files without end: what must stay free stays free', async () => {
    await using full = await serveShare(parties, { keepFree: 2 ** 52 });
    await using other = await enter(full.port, parties.peer);
    other.say(
      page([
        ['a', 1],
        ['a/b', 1],
        ['a/empty', 0, 1],
      ]),
    );
    expect(await other.hear('stop', 'finished')).toMatchObject({ t: 'stop', code: 'no-room' });
  });

  test('comes again while its last transfer still ends: nothing gets a second name', async () => {
    peer.say(page([['photos', 1]], true));
    await eventually('the tree is held', () => partialsIn(served.folder).length >= 3);
    await using again = await enter(served.port, parties.peer);
    again.say(
      page(
        [
          ['photos', 1],
          ['photos/x', 3, 1],
        ],
        true,
      ),
    );
    expect(await again.lives()).toBe(true);
    await delay(50);
    peer.say(page([['photos/x', 3, 1]], true));
    await wanted(peer, 1);
    peer.raw(small(1, abc));
    await peer.hear('receipts');
    await peer[Symbol.asyncDispose]();
    // That it has looked at the folder is said first.
    let files: unknown = [];
    while (Array.isArray(files) && files.length === 0) ({ files } = await again.hear('want'));
    expect(files).toMatchObject([{ want: 'digests' }]);
  });

  test.skipIf(process.platform !== 'linux')(
    'fills a folder that cannot be synced: no file of another folder fails with it',
    async () => {
      await makeTree(join(served.folder, 'new_photos'), { 'bad/': '', 'good/': '' });
      await failingSync(served.folder, (place) => place.endsWith('/new_photos/bad'));
      const numbers = Array.from({ length: 20 }, (_, at) => at);
      const files = (name: string): Row[] => [
        [`photos/${name}`, 1],
        ...numbers.map((at): Row => [`photos/${name}/${at}`, 3, 1]),
      ];
      peer.say(page([['photos', 1], ...files('bad'), ...files('good')]));
      const [firstBad, firstGood] = [2, numbers.length + 3];
      await wanted(peer, firstGood + numbers.length - 1);
      // In turn, so that they are brought to the disk together.
      const chunks = numbers.flatMap((at) => [
        small(firstBad + at, abc),
        small(firstGood + at, abc),
      ]);
      peer.raw(Buffer.concat(chunks));
      await peer.hear('finished');
      vi.restoreAllMocks();
      peer.say({ t: 'bye' });
      const failed = (await peer.farewell()).filter(({ t }) => t === 'fail');
      expect(failed.filter(({ file }) => Number(file) >= firstGood)).toEqual([]);
      expect(failed).toHaveLength(numbers.length);
    },
  );

  test('fills the disk: a tree that can neither be placed nor taken away ends nothing else', async () => {
    await using patient = await serveShare(parties, { stallTimeout: 10_000 });
    await using first = await enter(patient.port, parties.peer);
    first.say(page([['photos', 1]], true));
    await eventually('the tree is held', () => partialsIn(patient.folder).length >= 3);
    // This one gets a tree of a name by chance, which is not kept for another time.
    await using second = await enter(patient.port, parties.peer);
    second.say(page([['photos', 1]], true));
    await eventually('both are held', () => partialsIn(patient.folder).length >= 6);
    expect(await second.lives()).toBe(true);
    const crashes = await withFullDisk(async () => {
      second.say(page([]));
      await second.hear('fail');
      expect(await first.lives()).toBe(true);
      await second.hear('finished');
    });
    expect(crashes).toEqual([]);
  });

  test('leaves in the middle: the tree is kept, and nothing is held', async () => {
    peer.say(
      page(
        [
          ['photos', 1],
          ['photos/a', 3, 1],
          ['photos/b', 3, 1],
        ],
        true,
      ),
    );
    await wanted(peer, 2);
    peer.raw(small(1, abc));
    await peer.hear('receipts');
    await peer[Symbol.asyncDispose]();
    await eventually(
      'it lets go',
      () => !partialsIn(served.folder).some((name) => name.includes('.lock')),
    );
    expect(partialsIn(served.folder).map((name) => name.slice(33))).toEqual(['journal', 'tree']);
    expect(await readdir(served.folder)).not.toContain('new_photos');
  });

  test('stops in every state: it has the last word, and the session goes on', async () => {
    const stop = { t: 'stop', id: 1, code: 'cancelled', message: '' };
    peer.say(
      page(
        [
          ['photos', 1],
          ['photos/a', 3, 1],
        ],
        true,
      ),
    );
    await wanted(peer, 1);
    peer.raw(chunkFrame({ file: 1, length: 3 }), frame(3, Buffer.from('ab')));
    peer.say(stop);
    peer.raw(frame(3, Buffer.from('c')));
    expect(await peer.lives()).toBe(true);
    peer.say({ ...stop }, page([['a', 1]], true));
    expect(await peer.lives()).toBe(true);
    peer.say({ ...page([['b', 3, 1]], true), id: 2 }, { ...stop, id: 2 });
    expect(await peer.lives()).toBe(true);
    expect(await readdir(served.folder)).not.toContain('new_photos');
  });
});

/** No tree can be renamed and no lock be made. Gives what would have ended the process. */
async function withFullDisk(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const { rename: renameReally, writeFile: writeReally } = fs.promises;
  const full = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
  vi.spyOn(fs.promises, 'rename').mockImplementation((from, to) =>
    String(from).endsWith('.tree') ? full() : renameReally(from, to),
  );
  vi.spyOn(fs.promises, 'writeFile').mockImplementation(((place: string, ...rest: [string]) =>
    place.includes('.lock.') ? full() : writeReally(place, ...rest)) as typeof writeReally);
  syncBuiltinESMExports();
  const crashes: unknown[] = [];
  const note = (reason: unknown): number => crashes.push(reason);
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', note);
  try {
    await work();
    return crashes;
  } finally {
    process.off('unhandledRejection', note);
    for (const one of others) process.on('unhandledRejection', one);
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  }
}

/** Says something again and again; the other side has to close before it was said 200 times. */
async function expectClosedWhile(peer: HostilePeer, what: Buffer): Promise<void> {
  for (let times = 0; times < 200 && !peer.socket.closed; times += 1) {
    peer.raw(what);
    await delay(20);
  }
  expect(peer.socket.closed).toBe(true);
}

/** Whoever came in has left, with all that it had under way. */
async function expectAllOut({ events }: ServedShare): Promise<void> {
  const count = (name: string): number => events.filter(({ event }) => event === name).length;
  await eventually('all are out', () => count('client-in') === count('client-out'));
}

/** Takes away what was kept for another time, which is as it should be. */
async function removeKept({ folder }: ServedShare): Promise<void> {
  for (const name of partialsIn(folder)) {
    if (!/\.(tree|journal|part)$/.test(name)) continue;
    await rm(join(folder, '.lanpost', name), { recursive: true, force: true });
  }
}

describe('a client that gets', () => {
  let served: ServedShare;
  let before: Holdings;
  let peer: HostilePeer;

  beforeAll(async () => {
    served = await serveShare(parties, { stallTimeout: 400 });
    await makeTree(join(served.folder, 'photos'), { 'a.txt': 'aaa', 'b.txt': 'bbb' });
    await makeTree(join(served.folder, 'films'), {
      '1.bin': randomBytes(12 * MiB),
      '2.bin': randomBytes(12 * MiB),
    });
  });
  afterAll(() => served[Symbol.asyncDispose]());
  beforeEach(async () => {
    before = holdings(served);
    peer = await enter(served.port, parties.peer);
  });
  afterEach(async () => {
    await peer[Symbol.asyncDispose]();
    await expectUnharmed(served, before);
  });

  const nothing = { t: 'want', id: 1, files: [], more: false };
  const digest = `blake3:${'0'.repeat(64)}`;

  test.each<[string, readonly object[]]>([
    ['more judged than offered', [{ ...nothing, judged: 4 }]],
    ['rows that were not offered', [{ ...nothing, all: [[1, 9]] }]],
    [
      'ranges that overlap',
      [
        {
          ...nothing,
          all: [
            [1, 2],
            [1, 3],
          ],
        },
      ],
    ],
    ['a folder', [{ ...nothing, all: [[0, 1]] }]],
    [
      'a file twice',
      [
        { ...nothing, all: [[1, 2]] },
        { ...nothing, all: [[1, 2]] },
      ],
    ],
    ['a small file in ranges', [{ ...nothing, files: [{ want: 'ranges', file: 1, ranges: [] }] }]],
    [
      'digests twice',
      Array(2).fill({ ...nothing, files: [{ want: 'digests', file: 1 }] }) as object[],
    ],
    [
      'identical before any digest',
      [
        {
          ...nothing,
          files: [{ want: 'nothing', file: 1, reason: 'identical', as: 'x', digest }],
        },
      ],
    ],
    ['a receipt of what was not sent', [{ t: 'receipts', id: 1, stored: [[1, 2]], named: [] }]],
    [
      'a large receipt of a small file',
      [{ t: 'receipt', id: 1, file: 1, as: 'x', size: 3, digest }],
    ],
    ['a chunk of a small file got', [{ t: 'got', id: 1, file: 1, chunk: 0 }]],
    ['a file placed', [{ t: 'placed', id: 1, file: 1, as: 'x' }]],
    ['a folder placed before its files are over', [{ t: 'placed', id: 1, file: 0, as: 'x' }]],
    ['finished before the end', [{ t: 'finished', id: 1 }]],
    [
      'a word on a row that was not offered',
      [{ t: 'fail', id: 1, file: 9, code: 'x', message: '' }],
    ],
  ])('is sent away: %s', async (_, messages) => {
    peer.say({ t: 'get', id: 1, path: 'photos' });
    await peer.hear('offer');
    peer.say(...messages);
    await expectEnded(peer);
  });

  test('never wants: it is sent away', async () => {
    peer.say({ t: 'get', id: 1, path: 'films' });
    await peer.hear('offer');
    peer.say({ ...nothing, judged: 3, all: undefined, files: [{ want: 'all', file: 1 }] });
    await expectEnded(peer, 'stalled');
  });

  test('stops in the middle: after the last word of the sender nothing comes', async () => {
    peer.say({ t: 'get', id: 1, path: 'films' });
    await peer.hear('offer');
    peer.say({
      ...nothing,
      judged: 3,
      files: [
        { want: 'all', file: 1 },
        { want: 'all', file: 2 },
      ],
    });
    await peer.hear('chunk');
    // What was sent lies in buffers, and more waits its turn.
    peer.socket.pause();
    await delay(300);
    peer.say({ t: 'stop', id: 1, code: 'cancelled', message: '' });
    await delay(100);
    peer.socket.resume();
    await peer.hear('stop');
    expect(await peer.lives()).toBe(true);
    peer.say({ t: 'bye' });
    const heard = await peer.farewell();
    const after = heard.slice(heard.findIndex(({ t }) => t === 'stop'));
    expect(after.filter(({ t }) => t === 'chunk')).toEqual([]);
  });
});

describe('a server', () => {
  let root: string;
  let folder: string;

  beforeEach(async () => {
    root = await mkdtemp(join(parties.base, 'client-'));
    folder = join(root, 'received');
    await mkdir(folder);
    await writeFile(join(root, 'canary.txt'), 'canary');
    await writeFile(join(root, 'a.txt'), 'aaa');
    await writeFile(join(root, 'large.bin'), randomBytes(2 * MiB));
  });
  afterEach(async () => {
    expect((await readdir(root)).sort()).toEqual(['a.txt', 'canary.txt', 'large.bin', 'received']);
    expect(await readFile(join(root, 'canary.txt'), 'utf8')).toBe('canary');
  });

  /** A stranger's open server lets the client in, then plays `script`. */
  async function against(
    script: (client: HostilePeer) => Promise<unknown>,
    work: (session: ClientSession, onEnded: (one: Ended) => void) => Promise<unknown>,
  ): Promise<{ readonly ended: readonly Ended[]; readonly error: unknown }> {
    await using server = await startHostileServer(parties.stranger, async (client) => {
      await client.hear('hello');
      client.say(welcome);
      await script(client);
    });
    await using session = await openHonest(parties.peer, server.port, { stallTimeout: 1000 });
    const ended: Ended[] = [];
    const error = await work(session, (one) => ended.push(one)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { ended, error };
  }

  const getting =
    (path: string) =>
    (session: ClientSession, onEnded: (one: Ended) => void): Promise<unknown> =>
      session.get(path, { folder, receivedPrefix: 'new_', onEnded });
  const putting = (session: ClientSession, onEnded: (one: Ended) => void): Promise<unknown> =>
    session.put([join(root, 'a.txt'), join(root, 'large.bin')], { onEnded });

  test('brings a second top, which was not asked for', async () => {
    const { ended } = await against(async (client) => {
      await client.hear('get');
      client.say(
        page([
          ['photos', 1],
          ['other', 1],
          ['other/x', 3, 1],
        ]),
      );
      await client.hear('finished');
    }, getting('photos'));
    expect(ended).toContainEqual(expect.objectContaining({ outcome: 'folder', as: 'new_photos' }));
    expect((await readdir(folder)).sort()).toEqual(['.lanpost', 'new_photos']);
  });

  test('brings what does not match', async () => {
    const { ended } = await against(async (client) => {
      await client.hear('get');
      client.say(
        page([
          ['evil.exe', 3, 1],
          ['good.txt', 3, 1],
        ]),
      );
      await wanted(client, 1);
      client.raw(small(1, abc));
      await client.hear('finished');
    }, getting('*.txt'));
    expect(ended.map(({ outcome }) => outcome).sort()).toEqual(['failed', 'received']);
    expect((await readdir(folder)).sort()).toEqual(['.lanpost', 'new_good.txt']);
  });

  const gettingList = (session: ClientSession, onEnded: (one: Ended) => void): Promise<unknown> =>
    session.getList(['a/x.txt', 'y.txt', 'b/z.txt'], {
      folder,
      receivedPrefix: 'new_',
      onEnded,
    });

  test('answers a list with a name twice, one that nobody asked for, and none for another', async () => {
    const { ended } = await against(async (client) => {
      expect(await client.hear('get')).toMatchObject({
        path: 'a/x.txt',
        further: ['y.txt', 'b/z.txt'],
      });
      client.say(
        page([
          ['y.txt', 3, 1],
          ['y.txt', 3, 1],
          ['evil.exe', 3, 1],
          ['x.txt', 'no-permission', 'not this one'],
          ['other', 'not-found', ''],
          ['x.txt', 3, 1],
        ]),
      );
      await wanted(client, 0);
      client.raw(small(0, abc));
      await client.hear('finished');
    }, gettingList);
    expect(
      ended.map((one) => `${one.path} ${'as' in one ? one.as : one.error.code}`).sort(),
    ).toEqual([
      'a/x.txt name-refused',
      'a/x.txt no-permission',
      'b/z.txt read-failed',
      'evil.exe name-refused',
      'other not-found',
      'y.txt name-refused',
      'y.txt new_y.txt',
    ]);
    expect((await readdir(folder)).sort()).toEqual(['.lanpost', 'new_y.txt']);
  });

  test('answers a list with one file', async () => {
    const { ended, error } = await against(async (client) => {
      await client.hear('get');
      client.say({ t: 'offer', id: 1, files: [['x.txt', 3, 1, tag]], more: false });
      await once(client.socket, 'close');
    }, gettingList);
    expect({ ended, error }).toMatchObject({ ended: [], error: { code: 'protocol' } });
  });

  test('leaves in the middle of a large file: the folder does not appear', async () => {
    const { ended, error } = await against(async (client) => {
      await client.hear('get');
      client.say(
        page([
          ['photos', 1],
          ['photos/x', 3 * MiB, 1, tag],
        ]),
      );
      await wanted(client, 1);
      client.raw(...large(1, randomBytes(MiB)).slice(0, 2));
      await client.hear('got');
      client.socket.destroy();
    }, getting('photos'));
    expect(error).toMatchObject({ code: 'connection-lost' });
    expect(ended).toEqual([]);
    expect(await readdir(folder)).toEqual(['.lanpost']);
  });

  test.each([
    ['stop', { t: 'stop', id: 1, code: 'internal', message: '' }],
    ['error', { t: 'error', id: 1, code: 'internal', message: '' }],
  ])(
    'ends the batch with %s while a large file comes: the folder does not appear',
    async (_, word) => {
      const { ended, error } = await against(async (client) => {
        await client.hear('get');
        client.say(
          page([
            ['photos', 1],
            ['photos/x', 3 * MiB, 1, tag],
          ]),
        );
        await wanted(client, 1);
        client.raw(...large(1, randomBytes(MiB)).slice(0, 2));
        await client.hear('got');
        client.say(word);
        await client.hear('bye').catch(() => undefined);
      }, getting('photos'));
      expect(error).toBeInstanceOf(SharingError);
      expect(ended).toEqual([]);
      expect(await readdir(folder)).toEqual(['.lanpost']);
    },
  );

  test('skips what it was not to skip: nothing is called well', async () => {
    const { ended, error } = await against(async (client) => {
      await client.hear('offer');
      const skipped = { want: 'nothing', reason: 'skipped', as: 'x' };
      const files = [0, 1].map((file) => ({ ...skipped, file }));
      client.say({ t: 'want', id: 1, files, more: false, judged: 2 }, { t: 'finished', id: 1 });
    }, putting);
    expect(error).toBeUndefined();
    expect(ended).toMatchObject([
      { outcome: 'failed', error: { code: 'protocol' } },
      { outcome: 'failed', error: { code: 'protocol' } },
    ]);
  });

  test('skips a large file under a name that is none', async () => {
    const { ended } = await against(
      async (client) => {
        await client.hear('offer');
        const skipped = { want: 'nothing', reason: 'skipped', as: '../\u001b[2J' };
        const files = [0, 1].map((file) => ({ ...skipped, file }));
        client.say({ t: 'want', id: 1, files, more: false, judged: 2 }, { t: 'finished', id: 1 });
      },
      (session, onEnded) =>
        session.put([join(root, 'a.txt'), join(root, 'large.bin')], { policy: 'skip', onEnded }),
    );
    expect(ended.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
  });

  test('confirms another content, or under a name with a slash', async () => {
    const { ended } = await against(async (client) => {
      await client.hear('offer');
      const files = [{ want: 'digests', file: 0 }];
      client.say({ t: 'want', id: 1, files, more: false, judged: 2 });
      await client.hear('digests');
      const digest = digestText('blake3', digestOf('blake3', abc));
      const identical = { want: 'nothing', reason: 'identical', as: 'x', digest, file: 0 };
      const refused = { want: 'refused', file: 1, code: 'write-failed', message: '' };
      client.say({ t: 'want', id: 1, files: [identical, refused], more: false });
      client.say({ t: 'finished', id: 1 });
    }, putting);
    expect(ended).toMatchObject([
      { outcome: 'failed', error: { code: 'damaged' } },
      { outcome: 'failed', error: { code: 'write-failed' } },
    ]);
  });

  test('says that a folder cannot be placed: it is told as its failure, not as ours', async () => {
    await mkdir(join(folder, 'sub'));
    const { ended } = await against(
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'want', id: 1, files: [], more: false, judged: 1 });
        client.say({ t: 'fail', id: 1, file: 0, code: 'write-failed', message: '' });
        client.say({ t: 'finished', id: 1 });
      },
      (session, onEnded) => session.put([join(folder, 'sub')], { onEnded }),
    );
    const [one] = ended;
    expect(one).toMatchObject({ outcome: 'failed', error: { code: 'write-failed' } });
    expect(one?.outcome === 'failed' && one.error.facts).not.toHaveProperty('local');
  });

  test('stops while we send, and hears that we did', async () => {
    const heard: Said[] = [];
    const { error } = await against(
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'stop', id: 1, code: 'no-room', message: '' });
        heard.push(await client.hear('stop'));
      },
      async (session, onEnded) => {
        try {
          await putting(session, onEnded);
        } finally {
          // A session that is let go of is closed at once.
          await vi.waitFor(() => {
            expect(heard).toMatchObject([{ code: 'no-room' }]);
          });
        }
      },
    );
    expect(error).toMatchObject({ code: 'no-room' });
  });
});
