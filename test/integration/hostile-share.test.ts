import { digestOf } from '#sharing/storage/digest.js';
import { chunkFrame, enter, frame, saying, type HostilePeer } from '../support/hostile-peer.js';
import { offer, wholeChunk } from '../support/hostile-states.js';
import {
  expectOutsideUntouched,
  expectServed,
  expectUnharmed,
  holdings,
  openHonest,
  openParties,
  serveShare,
  type Holdings,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { listedNames } from '../support/listed.js';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const mebibyte = 1024 * 1024;
const root = process.getuid?.() === 0;
const hasModes = process.platform !== 'win32';
let parties: Parties;
let served: ServedShare;
let before: Holdings;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

const at = (...names: readonly string[]): string => join(served.folder, ...names);

/** The answer to a get or list: an error's code, or what was offered. */
async function answerTo(
  peer: HostilePeer,
  t: 'get' | 'list',
  path: string,
  id = 1,
): Promise<string> {
  peer.say({ t, id, path });
  const said = await peer.hear('error', 'offer', 'entries');
  return said.t === 'error' ? String(said['code']) : said.t;
}

describe('in the share', () => {
  beforeAll(async () => {
    served = await serveShare(parties);
    await expectServed(served);
  });

  afterAll(() => served[Symbol.asyncDispose]());

  beforeEach(() => {
    before = holdings(served);
  });

  afterEach(() => expectUnharmed(served, before));

  async function names(): Promise<readonly string[]> {
    await using session = await openHonest(parties.owner, served.port);
    return await listedNames(session);
  }

  test('links are neither listed nor followed, wherever they lead', async () => {
    await symlink(join(served.outside, 'canary.txt'), at('link.txt'));
    await symlink(served.outside, at('link'));
    await symlink('/', at('everything'));
    await symlink('nowhere', at('broken'));
    await symlink('loop', at('loop'));
    await symlink('plain.txt', at('inner'));
    await using peer = await enter(served.port, parties.peer);
    let id = 0;
    for (const name of ['link.txt', 'link', 'everything', 'broken', 'loop', 'inner']) {
      expect(await answerTo(peer, 'get', name, (id += 1)), name).toBe('not-a-file');
      expect(await answerTo(peer, 'list', name, (id += 1)), name).toBe('not-a-folder');
      expect(await answerTo(peer, 'get', `${name}/canary.txt`, (id += 1))).toBe('not-a-folder');
      expect(await names()).not.toContain(name);
    }
  });

  test('a FIFO, a socket and devices are refused at once', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(at('socket'), resolve));
    const special = ['fifo', 'socket'];
    if (root) {
      execFileSync('mknod', [at('zero'), 'c', '1', '5']);
      special.push('zero');
    }
    await using peer = await enter(served.port, parties.peer);
    let id = 0;
    for (const name of special) {
      expect(await answerTo(peer, 'get', name, (id += 1)), name).toBe('not-a-file');
      expect(await answerTo(peer, 'list', name, (id += 1)), name).toBe('not-a-folder');
      expect(await names()).not.toContain(name);
    }
    await new Promise((resolve) => listener.close(resolve));
  });

  test('an offer that would meet a link, a FIFO or a folder gets another name', async () => {
    await symlink(join(served.outside, 'canary.txt'), at('new_a.txt'));
    await symlink(join(served.outside, 'made.txt'), at('new_b.txt'));
    execFileSync('mkfifo', [at('new_c.txt')]);
    await mkdir(at('new_d.txt'));
    for (const name of ['a', 'b', 'c', 'd']) {
      await using peer = await enter(served.port, parties.peer);
      peer.say(offer(`${name}.txt`));
      await peer.hear('want');
      peer.raw(wholeChunk, saying({ t: 'end', id: 1, file: 0 }));
      expect(await peer.hear('receipt')).toMatchObject({ as: `new_${name} (2).txt` });
    }
    await expectOutsideUntouched(served);
  });

  test.skipIf(root)('what may not be read is refused by itself', async () => {
    await mkdir(at('closed'));
    await writeFile(at('closed', 'in.txt'), 'x');
    await writeFile(at('secret.txt'), 'x', { mode: 0 });
    await chmod(at('closed'), 0);
    await using peer = await enter(served.port, parties.peer);
    expect(await answerTo(peer, 'list', 'closed', 1)).toBe('no-permission');
    expect(await answerTo(peer, 'get', 'closed/in.txt', 2)).toBe('no-permission');
    expect(await answerTo(peer, 'get', 'secret.txt', 3)).toBe('no-permission');
    // No folder is offered that would stand there empty.
    expect(await answerTo(peer, 'get', 'closed', 4)).toBe('no-permission');
    await chmod(at('closed'), 0o700);
  });

  test.skipIf(process.platform !== 'linux')(
    'hidden names and names that are no text are not there',
    async () => {
      await writeFile(at('.hidden'), 'x');
      await writeFile(Buffer.concat([Buffer.from(at('bad')), Buffer.from([0xff, 0xfe])]), 'x');
      await writeFile(at('line\nbreak'), 'x');
      const found = await names();
      expect(found.filter((name) => /hidden|bad|line|lanpost/.test(name))).toEqual([]);
      await using peer = await enter(served.port, parties.peer);
      expect(await answerTo(peer, 'get', '.hidden')).toBe('name-refused');
    },
  );

  test('a file swapped for a link while it is opened is never read from outside', async () => {
    const canary = join(served.outside, 'canary.txt');
    const secret = digestOf('blake3', await readFile(canary));
    const swap = { on: true };
    const swapper = (async () => {
      while (swap.on) {
        await writeFile(at('swap.tmp'), 'inside\n');
        await rename(at('swap.tmp'), at('swap.txt'));
        await symlink(canary, at('swap.lnk'));
        await rename(at('swap.lnk'), at('swap.txt'));
      }
    })();
    await using peer = await enter(served.port, parties.peer);
    const seen = new Set<string>();
    const began = Date.now();
    const isEnough = (): boolean =>
      Date.now() - began > (seen.has('file') && seen.has('not-a-file') ? 2000 : 30_000);
    for (let id = 1; !isEnough(); id += 1) {
      peer.say({ t: 'get', id, path: 'swap.txt' });
      const said = await peer.hear('offer', 'error');
      if (said.t === 'error') {
        seen.add(String(said['code']));
        continue;
      }
      peer.say({ t: 'want', id, files: [{ want: 'all', file: 0 }], more: false });
      const next = await peer.hear('chunk', 'fail');
      if (next.t === 'chunk') {
        const { digest } = next as unknown as { digest: Buffer };
        expect(digest.equals(secret)).toBe(false);
        await peer.hear('end', 'fail');
        peer.say({ t: 'fail', id, file: 0, code: 'cancelled', message: '' });
        seen.add('file');
      }
    }
    swap.on = false;
    await swapper;
    expect(seen).toContain('file');
    expect(seen).toContain('not-a-file');
    // A slot may be free a moment later than its last word.
    const harmless = ['file', 'not-a-file', 'not-found', 'too-many-transfers'];
    for (const code of seen) expect(harmless).toContain(code);
  });

  test('a folder swapped for a link on the way down is never left', async () => {
    await mkdir(at('way'));
    await writeFile(at('way', 'canary.txt'), 'harmless, inside\n');
    const swap = { on: true };
    const swapper = (async () => {
      while (swap.on) {
        await rename(at('way'), at('aside'));
        await symlink(served.outside, at('way'));
        await nextTurn();
        await unlink(at('way'));
        await rename(at('aside'), at('way'));
        await nextTurn();
      }
    })();
    const inside = Buffer.byteLength('harmless, inside\n');
    await using peer = await enter(served.port, parties.peer);
    const began = Date.now();
    let offers = 0;
    for (let id = 1; Date.now() - began < (offers > 0 ? 1500 : 30_000); id += 1) {
      peer.say({ t: 'get', id, path: 'way/canary.txt' });
      const said = await peer.hear('offer', 'error');
      if (said.t !== 'offer') continue;
      offers += 1;
      const { files } = said as unknown as { files: [[string, number]] };
      expect(files[0][1]).toBe(inside);
      peer.say({ t: 'fail', id, file: 0, code: 'cancelled', message: '' });
      await peer.hear('end');
    }
    swap.on = false;
    await swapper;
    expect(offers).toBeGreaterThan(0);
  });

  const size = 12 * mebibyte;
  const changes: readonly [string, (path: string) => Promise<unknown>][] = [
    ['grows', (path) => writeFile(path, 'more', { flag: 'a' })],
    [
      'shrinks',
      async (path) => {
        await using file = await openDisposable(path, 'r+');
        await file.handle.truncate(size - mebibyte);
      },
    ],
    ['becomes empty', (path) => writeFile(path, '')],
    [
      'is written over in place',
      async (path) => {
        await using file = await openDisposable(path, 'r+');
        await file.handle.write(Buffer.alloc(100, 9), 0, 100, 10 * mebibyte);
      },
    ],
    [
      'is written over and its time set back',
      async (path) => {
        const { atime, mtime } = await lstat(path);
        await using file = await openDisposable(path, 'r+');
        await file.handle.write(Buffer.alloc(100, 9), 0, 100, 10 * mebibyte);
        await utimes(path, atime, mtime);
      },
    ],
  ];

  test.each(changes)(
    'a file that %s in the middle of a get fails as changed',
    async (_what, change) => {
      await writeFile(at('moving.bin'), Buffer.alloc(size, 1));
      await using peer = await enter(served.port, parties.peer);
      peer.say({ t: 'get', id: 1, path: 'moving.bin' });
      await peer.hear('offer');
      peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
      for (let chunk = 0; chunk < 8; chunk += 1) await peer.hear('chunk');
      await change(at('moving.bin'));
      for (let chunk = 0; chunk < 8; chunk += 1) peer.say({ t: 'got', id: 1, file: 0, chunk });
      expect(await peer.hear('fail', 'end')).toMatchObject({ t: 'fail', code: 'changed' });
      expect(await peer.lives()).toBe(true);
    },
  );

  test('a file that is replaced or removed before it is wanted is sent as it was offered, or fails', async () => {
    for (const replace of [true, false]) {
      await writeFile(at('moving.bin'), Buffer.alloc(size, 1));
      await using peer = await enter(served.port, parties.peer);
      peer.say({ t: 'get', id: 1, path: 'moving.bin' });
      await peer.hear('offer');
      if (replace) {
        await writeFile(at('other.bin'), Buffer.alloc(size, 2));
        await rename(at('other.bin'), at('moving.bin'));
      } else await unlink(at('moving.bin'));
      peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
      const first = await peer.hear('chunk', 'fail');
      if (first.t === 'fail') continue;
      const { digest } = first as unknown as { digest: Buffer };
      expect(digest.equals(digestOf('blake3', Buffer.alloc(mebibyte, 1)))).toBe(true);
    }
  });
});

describe('the landing area', () => {
  beforeEach(async () => {
    served = await serveShare(parties);
    before = holdings(served);
  });

  afterEach(async () => {
    await expectOutsideUntouched(served);
    await served[Symbol.asyncDispose]();
  });

  const spoils: readonly [string, boolean, () => Promise<unknown>][] = [
    ['a link to a folder outside', true, () => symlink(served.outside, at('.lanpost'))],
    ['a link to nowhere', true, () => symlink(join(served.outside, 'made'), at('.lanpost'))],
    ['a file', true, () => writeFile(at('.lanpost'), '')],
    [
      'open to the group',
      hasModes,
      async () => {
        await mkdir(at('.lanpost'));
        await chmod(at('.lanpost'), 0o770);
      },
    ],
    [
      'open to all',
      hasModes,
      async () => {
        await mkdir(at('.lanpost'));
        await chmod(at('.lanpost'), 0o777);
      },
    ],
    [
      'owned by another user',
      root,
      async () => {
        await mkdir(at('.lanpost'), { mode: 0o700 });
        await chown(at('.lanpost'), 12345, 12345);
      },
    ],
  ];

  async function codeOfPut(name: string): Promise<unknown> {
    await using peer = await enter(served.port, parties.peer);
    peer.say(offer(name));
    const want = await peer.hear('want', 'error');
    const first = (want['files'] as Record<string, unknown>[] | undefined)?.[0];
    if (first?.['want'] !== 'all') return first?.['want'] ?? want['code'];
    peer.raw(wholeChunk, saying({ t: 'end', id: 1, file: 0 }));
    return (await peer.hear('receipt', 'fail')).t;
  }

  test.for(spoils)('that is %s: a put is refused', async ([, possible, spoil], { skip }) => {
    skip(!possible);
    await spoil();
    expect(await codeOfPut('dawn.txt')).toBe('refused');
    expect((await readdir(served.folder)).sort()).toEqual(['.lanpost', 'plain.txt']);
    const failed = served.events.find(({ event }) => event === 'file-failed');
    const facts = { path: expect.stringMatching(/\/\.lanpost$/) as string };
    expect(failed).toMatchObject({ code: 'landing-not-private', facts });
    await rm(at('.lanpost'), { recursive: true });
    expect(await codeOfPut('dawn.txt')).toBe('receipt');
  });

  test.for(spoils)(
    'that becomes %s after a first put: never used again',
    async ([, possible, spoil], { skip }) => {
      skip(!possible);
      expect(await codeOfPut('first.txt')).toBe('receipt');
      await rm(at('.lanpost'), { recursive: true });
      await spoil();
      expect(await codeOfPut('second.txt')).toBe('refused');
    },
  );

  test.skipIf(!hasModes)('that is opened to all while it is used: a put is refused', async () => {
    expect(await codeOfPut('first.txt')).toBe('receipt');
    await chmod(at('.lanpost'), 0o777);
    expect(await codeOfPut('second.txt')).toBe('refused');
  });

  test('that was removed after a first put is made again', async () => {
    expect(await codeOfPut('first.txt')).toBe('receipt');
    await rm(at('.lanpost'), { recursive: true });
    expect(await codeOfPut('second.txt')).toBe('receipt');
  });

  test('whose partial is swapped for a link: nothing outside is written', async () => {
    await using peer = await enter(served.port, parties.peer);
    peer.say(offer('dawn.bin', 2 * mebibyte));
    await peer.hear('want');
    const partial = (await readdir(at('.lanpost'))).find((name) => name.endsWith('.part'));
    await unlink(at('.lanpost', partial!));
    await symlink(join(served.outside, 'canary.txt'), at('.lanpost', partial!));
    const bytes = Buffer.alloc(mebibyte, 3);
    const digest = digestOf('blake3', bytes);
    for (const chunk of [0, 1]) {
      peer.raw(chunkFrame({ chunk, length: mebibyte, digest }), frame(3, bytes));
    }
    peer.say({ t: 'end', id: 1, file: 0 });
    await peer.hear('receipt', 'fail');
    const landed = await lstat(at('new_dawn.bin')).catch(() => undefined);
    expect(landed?.isSymbolicLink() ?? false, 'a link was published').toBe(false);
  });
});

test('a name without room for its number is refused before a byte moves, or stored', async () => {
  served = await serveShare(parties);
  const name = `${'x'.repeat(232)}.txt`;
  await writeFile(at(`new_${name}`), 'other');
  await using peer = await enter(served.port, parties.peer);
  peer.say(offer(name));
  const said = await peer.hear('want');
  if (JSON.stringify(said).includes('"all"')) {
    peer.raw(wholeChunk, saying({ t: 'end', id: 1, file: 0 }));
    expect(await peer.hear('receipt', 'fail')).toMatchObject({ t: 'receipt' });
  }
  expect(await readFile(at(`new_${name}`), 'utf8')).toBe('other');
  await served[Symbol.asyncDispose]();
});

async function openDisposable(
  path: string,
  flags: string,
): Promise<AsyncDisposable & { handle: Awaited<ReturnType<typeof open>> }> {
  const handle = await open(path, flags);
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}
