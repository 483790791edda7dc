import { openOutlet, type ClientSession, type Ended } from '#sharing/client.js';
import type { Page } from '#sharing/local.js';
import type { ErrorCode } from '#sharing/errors.js';
import { SharingError } from '#sharing/errors.js';
import { digestOf, digestText, fileDigest } from '#sharing/storage/digest.js';
import {
  chunkFrame,
  digestsFrame,
  frame,
  messageFrame,
  saying,
  startHostileServer,
  welcome,
  type HostilePeer,
  type HostileServer,
} from '../support/hostile-peer.js';
import {
  befriend,
  openHonest,
  openParties,
  partialsIn,
  type Parties,
} from '../support/served-share.js';
import { freePort } from '../support/ports.js';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { getOne, putOne, type Well } from '../support/one-file.js';
import { listedNames } from '../support/listed.js';

const mebibyte = 1024 * 1024;
const tag = 'b'.repeat(32);
const content = Buffer.from('from a hostile server\n');
const contentDigest = digestOf('blake3', content);

let parties: Parties;
/** Where the client keeps what it gets; `canary.txt` lies beside it. */
let root: string;
let folder: string;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

beforeEach(async () => {
  root = await mkdtemp(join(parties.base, 'client-'));
  folder = join(root, 'received');
  await mkdir(folder);
  await writeFile(join(root, 'canary.txt'), 'canary');
  await writeFile(join(root, 'mine.bin'), Buffer.alloc(2 * mebibyte + 5, 7));
});

afterEach(async () => {
  expect((await readdir(root)).sort()).toEqual(['canary.txt', 'mine.bin', 'received']);
  expect(await readFile(join(root, 'canary.txt'), 'utf8')).toBe('canary');
});

type Script = (client: HostilePeer) => Promise<unknown>;

interface Met extends AsyncDisposable {
  readonly session: ClientSession;
  readonly server: HostileServer;
}

/** A stranger's open server that lets the client in, then plays `script`. */
async function meet(script: Script, limits = {}, port = 0): Promise<Met> {
  const greeting = async (client: HostilePeer): Promise<void> => {
    await client.hear('hello');
    client.say(welcome);
    await script(client);
  };
  const server = await startHostileServer(parties.stranger, greeting, port);
  const session = await openHonest(parties.peer, server.port, limits);
  return {
    session,
    server,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function fetching(session: ClientSession): Promise<Well> {
  return getOne(session, 'wanted.txt', { folder, receivedPrefix: 'new_' });
}

function sending(session: ClientSession): Promise<Well> {
  return putOne(session, join(root, 'mine.bin'));
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode> {
  const error = await work.then(
    (value) => new Error(`it went well: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof SharingError) return error.code;
  throw error;
}

/** Nothing under a final name; of what broke off in the middle at most a partial with its journal, let go of. */
async function expectNothingReceived(): Promise<void> {
  const isHeld = (): boolean => partialsIn(folder).some((name) => name.includes('.lock'));
  const deadline = Date.now() + 3000;
  while (isHeld() && Date.now() < deadline) await delay(20);
  const kinds = partialsIn(folder).map((name) => name.slice(32));
  expect([[], ['.journal', '.part']], 'partials').toContainEqual(kinds);
  expect((await readdir(folder)).filter((name) => name !== '.lanpost')).toEqual([]);
}

function offered(rows: readonly unknown[][], more = false): object {
  return { t: 'offer', id: 1, files: rows, more };
}

const row = ['wanted.txt', content.length, 0, tag];
const wholeChunk = Buffer.concat([
  chunkFrame({ length: content.length, digest: contentDigest }),
  frame(3, content),
]);
const end = saying({ t: 'end', id: 1, file: 0 });

/** Offers `rows` and sends `bytes` once they are wanted. */
function giving(size: number, ...bytes: readonly Buffer[]): Script {
  return async (client) => {
    await client.hear('get');
    client.say(offered([['wanted.txt', size, 0, tag]]));
    await client.hear('want');
    client.raw(...bytes);
  };
}

describe('the welcome', () => {
  async function codeOfWelcome(
    said: Buffer,
    options: { server?: 'stranger' | 'owner' } = {},
  ): Promise<ErrorCode> {
    await using server = await startHostileServer(
      parties[options.server ?? 'stranger'],
      async (client) => {
        await client.hear('hello');
        client.raw(said);
      },
    );
    return await codeOf(openHonest(parties.peer, server.port, { helloTime: 500 }));
  }

  test.each(['owner', 'peer'])('of a stranger as %s is not accepted', async (as) => {
    expect(await codeOfWelcome(saying({ ...welcome, as }))).toBe('unknown-server');
  });

  test.each<[string, Buffer, ErrorCode]>([
    ['in another version', saying({ ...welcome, v: 2 }), 'protocol'],
    ['with a digest that was not offered', saying({ ...welcome, digest: 'md5' }), 'protocol'],
    ['with a right that is none', saying({ ...welcome, rights: ['root'] }), 'protocol'],
    ['that is a list', saying({ t: 'entries', id: 1, rows: [], more: false }), 'protocol'],
    ['that is an unknown kind', saying({ t: 'greetings' }), 'protocol'],
    ['that is not JSON', messageFrame('hello there'), 'protocol'],
    ['that is too long', frame(1, Buffer.alloc(0), 0xffffff), 'protocol'],
    ['that is data', frame(3, Buffer.from('x')), 'protocol'],
    ['that is a ping only', saying({ t: 'ping', n: 1 }), 'not-lanpost'],
    ['that is silence', Buffer.alloc(0), 'not-lanpost'],
    ['that is a bye', saying({ t: 'bye' }), 'protocol'],
  ])('%s', async (_what, said, code) => {
    expect(await codeOfWelcome(said)).toBe(code);
  });

  test('that denies: the code is kept, an unknown one is not believed', async () => {
    const message = '\u001b[2J\u001b]0;owned\u0007 \u202edenied\n';
    const denied = (code: string): Buffer => saying({ t: 'denied', code, message });
    expect(await codeOfWelcome(denied('not-known'))).toBe('not-known');
    expect(await codeOfWelcome(denied('too-many-clients'))).toBe('too-many-clients');
    for (const code of ['state-damaged', 'key-changed', '__proto__', 'made-up']) {
      expect(await codeOfWelcome(denied(code))).toBe('internal');
    }
  });

  test('twice', async () => {
    await using met = await meet(async (client) => {
      client.say(welcome);
      await client.farewell();
    });
    expect((await met.session.closed)?.code).toBe('protocol');
  });
});

describe('the key', () => {
  test('another one at a pinned place is a stop', async () => {
    const port = await freePort('tcp');
    {
      await using _met = await meet(() => Promise.resolve(), {}, port);
    }
    const { createServer } = await import('node:tls');
    const { channelOptions } = await import('#sharing/transport/channel.js');
    const other = createServer({ ...channelOptions(parties.owner), requestCert: true });
    other.on('secureConnection', (socket) => socket.on('error', () => undefined));
    other.listen(port, '127.0.0.1');
    await once(other, 'listening');
    try {
      expect(await codeOf(openHonest(parties.peer, port))).toBe('key-changed');
    } finally {
      other.close();
    }
  });

  test('of a known peer may welcome us as a peer', async () => {
    await befriend(parties.owner, parties.stranger);
    await using server = await startHostileServer(parties.stranger, async (client) => {
      await client.hear('hello');
      client.say({ ...welcome, as: 'peer' });
      await client.farewell();
    });
    await using session = await openHonest(parties.owner, server.port);
    expect(session.server).toMatchObject({ trust: 'known', name: 'peer' });
  });
});

describe('a list', () => {
  const rows = (...names: unknown[]): unknown[] => names.map((name) => [name, 'file', 1, 0]);
  const entries = (page: unknown[], more: boolean): object => ({
    t: 'entries',
    id: 1,
    rows: page,
    more,
  });

  test('leaves out names that no server may have', async () => {
    const hostile = [
      '..',
      '.',
      '.ssh',
      'a/b',
      'a\\b',
      '/etc',
      'a\nb',
      '\u001b[2J',
      'a\u202eb',
      'a\0',
    ];
    await using met = await meet(async (client) => {
      await client.hear('list');
      client.say(entries(rows(...hostile, 'good.txt', 'x'.repeat(241)), false));
    });
    const found: Page[] = [];
    for await (const page of met.session.list('')) found.push(page);
    expect(found.map(({ entries: rows }) => rows.map(({ name }) => name))).toEqual([['good.txt']]);
    expect(found.map(({ unshared }) => unshared)).toEqual([hostile.length + 1]);
  });

  test.each<[string, unknown]>([
    ['an empty name', rows('')],
    ['a name of 257', rows('x'.repeat(257))],
    ['a name that is a number', rows(7)],
    ['a type that is none', [['a', 'link', 1, 0]]],
    ['a negative size', [['a', 'file', -1, 0]]],
    ['a size beyond reason', [['a', 'file', 1e300, 0]]],
    ['501 rows', rows(...Array.from({ length: 501 }, (_, i) => `f${i}`))],
    ['rows of five', [['a', 'file', 1, 0, 0]]],
    ['no rows at all', null],
  ])('with %s ends the session', async (_what, page) => {
    await using met = await meet(async (client) => {
      await client.hear('list');
      client.say({ t: 'entries', id: 1, rows: page, more: false });
    });
    expect(await codeOf(listedNames(met.session))).toBe('protocol');
  });

  test.each([-1, 1.5, '2', 2 ** 32])(
    'that leaves out %j names ends the session',
    async (unshared) => {
      await using met = await meet(async (client) => {
        await client.hear('list');
        client.say({ t: 'entries', id: 1, rows: [], more: false, unshared });
      });
      expect(await codeOf(listedNames(met.session))).toBe('protocol');
    },
  );

  test('that never ends is ended', async () => {
    const page = saying(entries(rows(...Array.from({ length: 500 }, (_, i) => `f${i}`)), true));
    await using met = await meet(async (client) => {
      await client.hear('list');
      while (!client.socket.closed) {
        client.raw(page);
        await delay(0);
      }
    });
    expect(await codeOf(listedNames(met.session))).toBe('protocol');
  });

  test('of empty pages that never ends is ended', async () => {
    const pages = Buffer.concat(Array.from({ length: 500 }, () => saying(entries([], true))));
    await using met = await meet(async (client) => {
      await client.hear('list');
      while (!client.socket.closed) {
        client.raw(pages);
        await delay(1);
      }
    });
    const giveUp = delay(5000).then(() => 'it still reads' as const);
    expect(await Promise.race([codeOf(listedNames(met.session)), giveUp])).toBe('protocol');
  });

  test('for another request ends the session', async () => {
    await using met = await meet(async (client) => {
      await client.hear('list');
      client.say({ ...entries([], false), id: 2 });
    });
    expect(await codeOf(listedNames(met.session))).toBe('protocol');
  });

  test('after its end ends the session', async () => {
    await using met = await meet(async (client) => {
      await client.hear('list');
      client.say(entries([], false), entries([], false));
    });
    await listedNames(met.session).catch(() => undefined);
    expect((await met.session.closed)?.code).toBe('protocol');
  });
});

describe('a get', () => {
  afterEach(expectNothingReceived);

  const refusals: readonly [string, Script, ErrorCode][] = [
    [
      'more files than asked',
      async (client) => {
        await client.hear('get');
        client.say(offered([row, row]));
      },
      'protocol',
    ],
    [
      'more files to come',
      async (client) => {
        await client.hear('get');
        client.say(offered([row], true));
      },
      'protocol',
    ],
    [
      'an offer of another request',
      async (client) => {
        await client.hear('get');
        client.say({ ...offered([row]), id: 2 });
      },
      'protocol',
    ],
    [
      'a second offer',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]), offered([row]));
      },
      'protocol',
    ],
    [
      'a second offer in the middle',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]));
        await client.hear('want');
        client.say(offered([row]));
      },
      'protocol',
    ],
    [
      'a negative size',
      async (client) => {
        await client.hear('get');
        client.say(offered([['wanted.txt', -1, 0, tag]]));
      },
      'protocol',
    ],
    [
      'a tag that is none',
      async (client) => {
        await client.hear('get');
        client.say(offered([['wanted.txt', 1, 0, '../../x']]));
      },
      'protocol',
    ],
    [
      'a size beyond the limit',
      async (client) => {
        await client.hear('get');
        client.say(offered([['wanted.txt', Number.MAX_SAFE_INTEGER, 0, tag]]));
      },
      'file-too-large',
    ],
    [
      'an error instead',
      async (client) => {
        await client.hear('get');
        client.say({ t: 'error', id: 1, code: 'not-found', message: '\u001b[31mgone' });
      },
      'not-found',
    ],
    [
      'chunks without an offer',
      async (client) => {
        await client.hear('get');
        client.raw(wholeChunk);
      },
      'protocol',
    ],
    ['an early end', giving(content.length, end), 'protocol'],
    [
      'an end in the middle of a chunk',
      giving(content.length, chunkFrame({ length: content.length, digest: contentDigest }), end),
      'damaged',
    ],
    [
      'a wrong digest',
      giving(content.length, chunkFrame({ length: content.length }), frame(3, content), end),
      'damaged',
    ],
    ['a file cut short', giving(content.length + 1, wholeChunk, end), 'protocol'],
    [
      'more bytes than a chunk has',
      giving(content.length, wholeChunk, frame(3, content)),
      'protocol',
    ],
    ['a chunk twice', giving(content.length, wholeChunk, wholeChunk), 'protocol'],
    [
      'a chunk of another file',
      giving(
        content.length,
        chunkFrame({ file: 1, length: content.length, digest: contentDigest }),
        frame(3, content),
        end,
      ),
      'protocol',
    ],
    [
      'words of a receiver',
      giving(content.length, saying({ t: 'got', id: 1, file: 0, chunk: 0 })),
      'protocol',
    ],
    [
      'digests that nobody asked for',
      giving(content.length, digestsFrame(1, 0, 0, Buffer.alloc(32))),
      'protocol',
    ],
    [
      'a failure half way',
      giving(
        2 * mebibyte,
        chunkFrame({ length: mebibyte, digest: digestOf('blake3', Buffer.alloc(mebibyte)) }),
        frame(3, Buffer.alloc(mebibyte)),
        saying({ t: 'fail', id: 1, file: 0, code: 'changed', message: '' }),
      ),
      'changed',
    ],
    [
      'an error half way',
      giving(
        2 * mebibyte,
        chunkFrame({ length: mebibyte, digest: digestOf('blake3', Buffer.alloc(mebibyte)) }),
        frame(3, Buffer.alloc(mebibyte)),
        saying({ t: 'error', id: 1, code: 'read-failed', message: '' }),
      ),
      'read-failed',
    ],
    [
      'a lost connection half way',
      async (client) => {
        await giving(
          2 * mebibyte,
          chunkFrame({ length: mebibyte, digest: digestOf('blake3', Buffer.alloc(mebibyte)) }),
          frame(3, Buffer.alloc(mebibyte)),
        )(client);
        await client.hear('got');
        client.socket.destroy();
      },
      'connection-lost',
    ],
    [
      'a lost connection right after the offer',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]));
        client.socket.end();
      },
      'connection-lost',
    ],
    [
      'a failure right after the offer',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]), { t: 'fail', id: 1, file: 0, code: 'changed', message: '' });
      },
      'changed',
    ],
    [
      'a lane that nobody asked for',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]), { t: 'lane', id: 1, token: '0'.repeat(32) });
      },
      'protocol',
    ],
    [
      'bye in the middle',
      async (client) => {
        await client.hear('get');
        client.say({ t: 'bye' });
      },
      'shutting-down',
    ],
  ];

  test.each(refusals)('%s', async (_what, script, code) => {
    await using met = await meet(script);
    expect(await codeOf(fetching(met.session))).toBe(code);
  });
});

test('the name that a server offers is never the name of the file', async () => {
  for (const name of ['../canary.txt', '/etc/passwd', '..\\x', 'C:\\x', 'other.txt', '.bashrc']) {
    await using met = await meet(async (client) => {
      await client.hear('get');
      client.say(offered([[name, content.length, 0, tag]]));
      await client.hear('want');
      client.raw(wholeChunk, end);
    });
    const got = await fetching(met.session);
    expect(got.as).toMatch(/^new_wanted( \(\d\))?\.txt$/);
    expect(await readFile(join(folder, got.as))).toEqual(content);
    await rm(join(folder, got.as));
  }
});

test('a failed get leaves the session usable', async () => {
  await using met = await meet(async (client) => {
    await giving(
      content.length,
      chunkFrame({ length: content.length }),
      frame(3, content),
      end,
    )(client);
    await client.hear('get');
    client.say({ t: 'offer', id: 2, files: [row], more: false });
    await client.hear('want');
    client.raw(chunkFrame({ id: 2, length: content.length, digest: contentDigest }));
    client.raw(frame(3, content), saying({ t: 'end', id: 2, file: 0 }));
  });
  expect(await codeOf(fetching(met.session))).toBe('damaged');
  const got = await fetching(met.session);
  expect(await readFile(join(folder, got.as))).toEqual(content);
});

describe('a put', () => {
  const file = 0;
  const whole = digestText('blake3', Buffer.alloc(32, 9));

  /** Takes everything, then says `last`. */
  function taking(...last: readonly object[]): Script {
    return async (client) => {
      await client.hear('offer');
      client.say({ t: 'want', id: 1, files: [{ want: 'all', file }], more: false });
      for (let chunk = 0; chunk < 3; chunk += 1) {
        await client.hear('chunk');
      }
      await client.hear('end');
      for (let chunk = 0; chunk < 3; chunk += 1) client.say({ t: 'got', id: 1, file, chunk });
      client.say(...last);
    };
  }
  const receipt = { t: 'receipt', id: 1, file, as: 'new_mine.bin', size: 2 * mebibyte + 5 };

  test.each<[string, object]>([
    ['another digest', { ...receipt, digest: whole }],
    ['another size', { ...receipt, size: 3, digest: whole }],
    ['another algorithm', { ...receipt, digest: `md5:${'0'.repeat(64)}` }],
  ])('with a receipt of %s is not reported as stored', async (_what, last) => {
    await using met = await meet(taking(last));
    await expect(sending(met.session)).rejects.toBeInstanceOf(SharingError);
  });

  test.each<[string, Script]>([
    [
      'skipped, although nobody asked for that',
      async (client) => {
        await client.hear('offer');
        const want = { want: 'nothing', file, reason: 'skipped', as: 'x', digest: whole };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
    ],
    [
      'identical, without a digest',
      async (client) => {
        await client.hear('offer');
        const want = { want: 'nothing', file, reason: 'identical', as: 'x' };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
    ],
    [
      'identical, although nothing was compared',
      async (client) => {
        await client.hear('offer');
        const want = { want: 'nothing', file, reason: 'identical', as: 'x', digest: whole };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
    ],
    [
      'identical, with another digest',
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'want', id: 1, files: [{ want: 'digests', file }], more: false });
        await client.hear('digests');
        const want = { want: 'nothing', file, reason: 'identical', as: 'x', digest: whole };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
    ],
  ])('%s: is not reported as identical', async (_what, script) => {
    await using met = await meet(script);
    await expect(sending(met.session)).rejects.toBeInstanceOf(SharingError);
  });

  test.each<[string, Script, ErrorCode]>([
    [
      'an early receipt',
      async (client) => {
        await client.hear('offer');
        client.say({ ...receipt, digest: whole });
      },
      'protocol',
    ],
    [
      'a receipt with chunks unconfirmed',
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'want', id: 1, files: [{ want: 'all', file }], more: false });
        await client.hear('end');
        client.say({ ...receipt, digest: whole });
      },
      'protocol',
    ],
    [
      'a want of more than there is',
      async (client) => {
        await client.hear('offer');
        const want = { want: 'ranges', file, ranges: [[0, 4]] };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
      'protocol',
    ],
    [
      'a want of another file',
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'want', id: 1, files: [{ want: 'all', file: 4 }], more: false });
      },
      'protocol',
    ],
    [
      'a refusal',
      async (client) => {
        await client.hear('offer');
        const want = { want: 'refused', file, code: 'no-room', message: '\u001b[2J' };
        client.say({ t: 'want', id: 1, files: [want], more: false });
      },
      'no-room',
    ],
    [
      'a failure at the end',
      taking({ t: 'fail', id: 1, file, code: 'write-failed', message: '' }),
      'write-failed',
    ],
    [
      'an error at the end',
      taking({ t: 'error', id: 1, code: 'no-permission', message: '' }),
      'no-permission',
    ],
    [
      'an offer of its own',
      async (client) => {
        await client.hear('offer');
        client.say(offered([row]));
      },
      'protocol',
    ],
    [
      'the end of the stream',
      async (client) => {
        await client.hear('offer');
        client.socket.end();
      },
      'connection-lost',
    ],
  ])('with %s fails', async (_what, script, code) => {
    await using met = await meet(script);
    const giveUp = delay(4000).then(() => 'it still waits' as const);
    expect(await Promise.race([codeOf(sending(met.session)), giveUp])).toBe(code);
  });
});

describe('a server that is gone once all is said', () => {
  const gives: Script = async (client) => {
    await giving(content.length, wholeChunk, end)(client);
    client.socket.end();
  };

  test('has given its file', async () => {
    await using met = await meet(gives);
    expect(await fetching(met.session)).toMatchObject({ outcome: 'received' });
    expect(await readFile(join(folder, 'new_wanted.txt'))).toEqual(content);
  });

  test('has given its file though the session is closed meanwhile', async () => {
    await using met = await meet(gives);
    const outcome = fetching(met.session);
    await met.session.closed;
    await met.session[Symbol.asyncDispose]();
    expect(await outcome).toMatchObject({ outcome: 'received' });
  });

  test('has given all of a file that its reader takes slowly', async () => {
    await using met = await meet(gives);
    const parts: Buffer[] = [];
    const outlet = openOutlet(async (bytes) => {
      await met.session.closed;
      parts.push(Buffer.from(bytes));
    });
    const ends: Ended[] = [];
    await met.session.stream('wanted.txt', { outlet, onEnded: (one) => ends.push(one) });
    expect(Buffer.concat(parts)).toEqual(content);
    expect(ends).toMatchObject([{ outcome: 'received' }]);
  });

  test('has stored what it gave its receipt for', async () => {
    await using met = await meet(async (client) => {
      await client.hear('offer');
      client.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
      const { digest } = await client.hear('chunk');
      await client.hear('end');
      const text = digestText('blake3', fileDigest('blake3', 7, digest as Buffer));
      client.say(
        { t: 'got', id: 1, file: 0, chunk: 0 },
        { t: 'receipt', id: 1, file: 0, as: 'new_small.txt', size: 7, digest: text },
      );
      client.socket.destroySoon();
    });
    await writeFile(join(folder, 'small.txt'), '7 bytes');
    const stored = putOne(met.session, join(folder, 'small.txt'));
    expect(await stored).toMatchObject({ outcome: 'stored' });
  });
});

describe('silence is ended', () => {
  const soon = { idleTimeout: 600, heartbeat: 150, stallTimeout: 100 };
  const silent: readonly [
    string,
    Script,
    (session: ClientSession) => Promise<unknown>,
    ends?: RegExp,
  ][] = [
    ['in a list', (client) => client.hear('list'), listedNames],
    ['after get', (client) => client.hear('get'), fetching],
    [
      'after the offer',
      async (client) => {
        await client.hear('get');
        client.say(offered([row]));
      },
      fetching,
    ],
    ['in a chunk', giving(content.length, chunkFrame({ length: content.length })), fetching],
    ['after our offer', (client) => client.hear('offer'), sending],
    [
      'after our end',
      async (client) => {
        await client.hear('offer');
        client.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
        await client.hear('end');
      },
      sending,
    ],
    [
      'after our stop of a folder where a file was wanted',
      async (client) => {
        await client.hear('get');
        client.say({ t: 'offer', id: 1, batch: true, files: [['wanted.txt', 0]], more: true });
      },
      (session) => {
        const outlet = openOutlet(() => Promise.resolve());
        return session.stream('wanted.txt', { outlet, onEnded: () => undefined });
      },
      // That it is a folder was known before.
      /^is-folder$/,
    ],
  ];

  test.each(silent)(
    '%s, when nothing at all is heard',
    async (_what, script, work, ends = /^(peer-silent|stalled)$/) => {
      await using met = await meet(async (client) => {
        client.mute();
        await script(client);
      }, soon);
      expect(await codeOf(work(met.session))).toMatch(ends);
    },
  );

  test.each(silent)(
    '%s, when only pings are answered',
    async (_what, script, work, ends = /^stalled$/) => {
      await using met = await meet(script, soon);
      expect(await codeOf(work(met.session))).toMatch(ends);
    },
  );
});

describe('a file that is handed on', () => {
  /** What the reader has got, and how it ended. */
  async function handedOn(script: Script): Promise<{ bytes: Buffer; code: ErrorCode }> {
    await using met = await meet(script);
    const parts: Buffer[] = [];
    const outlet = openOutlet((bytes) => {
      parts.push(Buffer.from(bytes));
      return Promise.resolve();
    });
    const code = await codeOf(
      met.session.stream('wanted.txt', { outlet, onEnded: () => undefined }),
    );
    return { bytes: Buffer.concat(parts), code };
  }

  const first = Buffer.alloc(mebibyte, 1);
  const good = [
    chunkFrame({ length: mebibyte, digest: digestOf('blake3', first) }),
    ...[0, 1, 2, 3].map((at) => frame(3, first.subarray(at * 262_144, (at + 1) * 262_144))),
  ];

  test('is not with a byte that has another digest', async () => {
    const { bytes, code } = await handedOn(giving(content.length, ...lying(0), end));
    expect(code).toBe('damaged');
    expect(bytes).toHaveLength(0);
  });

  test('ends where it is damaged', async () => {
    const { bytes, code } = await handedOn(
      giving(mebibyte + content.length, ...good, ...lying(1), end),
    );
    expect(code).toBe('damaged');
    expect(bytes.equals(first)).toBe(true);
  });

  test.each<[string, readonly Buffer[]]>([
    ['an end before its chunks', [end]],
    ['a chunk twice', [...good, ...good]],
    ['a chunk that is none of it', [chunkFrame({ chunk: 7, length: 5 })]],
    ['a chunk of another length', [chunkFrame({ chunk: 0, length: 5 })]],
    ['digests', [digestsFrame(1, 0, 0, Buffer.alloc(64))]],
    ['a chunk of another file', [chunkFrame({ file: 1, length: mebibyte })]],
  ])('is not with %s', async (_what, parts) => {
    const { bytes, code } = await handedOn(giving(mebibyte + content.length, ...parts));
    expect(code).toBe('protocol');
    expect(bytes.length).toBeLessThanOrEqual(mebibyte);
  });

  test('is not of a folder, whatever of it comes', async () => {
    const { bytes, code } = await handedOn(async (client) => {
      await client.hear('get');
      client.say({ t: 'offer', id: 1, batch: true, files: [['wanted.txt', 0]], more: true });
      expect(await client.hear('stop', 'want')).toMatchObject({ t: 'stop' });
      client.raw(wholeChunk);
      client.say({ t: 'stop', id: 1, code: 'cancelled', message: '' });
    });
    expect(code).toBe('is-folder');
    expect(bytes).toHaveLength(0);
  });

  function lying(chunk: number): readonly Buffer[] {
    return [
      chunkFrame({ chunk, length: content.length, digest: Buffer.alloc(32) }),
      frame(3, content),
    ];
  }
});
