import {
  chunkFrame,
  dialHostile,
  digestsFrame,
  enter,
  frame,
  hello,
  messageFrame,
  saying,
  type HostilePeer,
  type Said,
} from '../support/hostile-peer.js';
import {
  content,
  contentDigest,
  furnish,
  inputs,
  offer,
  states,
  tag,
  wholeChunk,
} from '../support/hostile-states.js';
import {
  eventually,
  expectServed,
  expectUnharmed,
  holdings,
  openParties,
  serveShare,
  type Holdings,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

const mebibyte = 1024 * 1024;
let parties: Parties;
let served: ServedShare;
let before: Holdings;

beforeAll(async () => {
  parties = await openParties();
  served = await serveShare(parties);
  await furnish(served);
  await expectServed(served);
});

afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await parties[Symbol.asyncDispose]();
});

beforeEach(() => {
  before = holdings(served);
});

afterEach(() => expectUnharmed(served, before));

/** The session ends, and the last word says why. */
async function expectEnded(peer: HostilePeer, code = 'protocol'): Promise<void> {
  const last = lastWord(await peer.farewell());
  expect(last).toMatchObject({ code });
}

function lastWord(heard: readonly Said[]): Said | undefined {
  return heard.filter(({ t }) => t === 'error' || t === 'denied' || t === 'bye').at(-1);
}

describe.each(states)('$name', ({ reach, legal }) => {
  const [lawful, unlawful] = [
    Object.keys(inputs).filter((kind) => legal.includes(kind)),
    Object.keys(inputs).filter((kind) => !legal.includes(kind)),
  ];

  test(`ends the session: ${unlawful.join(', ')}`, async () => {
    for (const kind of unlawful) {
      const { peer, then } = await reach(served);
      peer.raw(then ?? Buffer.alloc(0), inputs[kind]!);
      const last = lastWord(await peer.farewell());
      expect(last, `after ${kind}`).toMatchObject({ code: 'protocol' });
    }
  });

  test(`goes on: ${lawful.join(', ')}`, async () => {
    for (const kind of lawful) {
      const { peer, then } = await reach(served);
      peer.raw(then ?? Buffer.alloc(0), inputs[kind]!);
      if (kind === 'bye') expect(lastWord(await peer.farewell())).toMatchObject({ t: 'bye' });
      else expect(await peer.lives(), `after ${kind}`).toBe(true);
      if (kind === 'offer') await peer.hear('want');
      await peer[Symbol.asyncDispose]();
    }
  });

  test('the end of the stream', async () => {
    for (const how of ['end', 'destroy'] as const) {
      const { peer, then } = await reach(served);
      peer.raw(then ?? Buffer.alloc(0));
      peer.socket[how]();
      await peer.farewell();
    }
  });

  test('a frame that stops half way, then the end', async () => {
    const { peer, then } = await reach(served);
    peer.raw(then ?? Buffer.alloc(0), inputs['get']!.subarray(0, 9));
    peer.socket.end();
    await peer.farewell();
  });
});

test.each([
  ['message of one byte', frame(1, Buffer.from('{'))],
  ['message of 64 KiB and one', frame(1, Buffer.alloc(0), 64 * 1024 + 1)],
  ['message of 16 MiB', frame(1, Buffer.alloc(0), 0xffffff)],
  ['message of nothing', frame(1, Buffer.alloc(0))],
  ['short chunk header', frame(2, Buffer.alloc(0), 47)],
  ['long chunk header', frame(2, Buffer.alloc(0), 49)],
  ['data of 1 MiB and one', frame(3, Buffer.alloc(0), mebibyte + 1)],
  ['data of nothing', frame(3, Buffer.alloc(0))],
  ['digests of nothing', frame(4, Buffer.alloc(0), 12)],
  ['digests that are cut', frame(4, Buffer.alloc(0), 12 + 33)],
  ['1025 digests', frame(4, Buffer.alloc(0), 12 + 1025 * 32)],
  ['kind 0', frame(0, Buffer.alloc(0), 2)],
  ['kind 5', frame(5, Buffer.alloc(0), 2)],
  ['kind 255', frame(255, Buffer.alloc(0), 0xffffff)],
])('an announced length is refused before its bytes: %s', async (_name, bytes) => {
  for (const greeted of [true, false]) {
    const dial = greeted ? enter : dialHostile;
    const peer = await dial(served.port, parties.peer);
    peer.raw(bytes);
    await expectEnded(peer);
  }
});

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const overlong = Buffer.from([0x22, 0xc0, 0xaf, 0x22]);

test.each<[string, string | Uint8Array]>([
  ['not JSON', 'list'],
  ['an array', '[]'],
  ['null', 'null'],
  ['a number', '42'],
  ['a string', '"bye"'],
  ['no kind', '{}'],
  ['a kind that is a number', '{"t":1}'],
  ['a kind that is an array', '{"t":["bye"]}'],
  ['an empty kind', '{"t":""}'],
  ['a kind of 33 characters', `{"t":"${'x'.repeat(33)}"}`],
  ['a kind in the prototype', '{"__proto__":{"t":"bye"}}'],
  ['32000 levels of arrays', nested(32_000)],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ['an overlong slash', Buffer.concat([Buffer.from('{"t":'), overlong, Buffer.from('}')])],
  ['a surrogate in UTF-8', Buffer.from('{"t":"\xed\xa0\x80"}', 'latin1')],
  ['a byte order mark', '\ufeff{"t":"ping","n":1}'],
  ['NUL after the message', '{"t":"bye"}\0'],
  ['two messages in one', '{"t":"bye"}{"t":"bye"}'],
])('a malformed message ends the session: %s', async (_name, body) => {
  const peer = await enter(served.port, parties.peer);
  peer.raw(messageFrame(body));
  await expectEnded(peer);
});

test.each([
  '"sing"',
  '"constructor"',
  '"__proto__"',
  '"toString"',
  '"hasOwnProperty"',
  '"\\u0000"',
  '"HELLO"',
])('the unknown kind %s is answered by its id, and the session goes on', async (kind) => {
  const peer = await enter(served.port, parties.peer);
  peer.raw(messageFrame(`{"t":${kind},"id":7,"deep":${nested(20_000)}}`));
  expect(await peer.hear('error')).toMatchObject({ id: 7, code: 'unsupported' });
  peer.raw(messageFrame(`{"t":${kind},"id":-1}`));
  expect(await peer.lives()).toBe(true);
  await peer[Symbol.asyncDispose]();
});

test('unknown and poisonous keys change nothing', async () => {
  const peer = await enter(served.port, parties.peer);
  const poison =
    '"__proto__":{"rights":["replace"]},"constructor":{"prototype":{"polluted":1}},"prototype":{}';
  peer.raw(messageFrame(`{"t":"list","id":1,"path":"",${poison}}`));
  await peer.hear('entries');
  expect(Object.prototype).not.toHaveProperty('polluted');
  expect({}).not.toHaveProperty('rights');
  await peer[Symbol.asyncDispose]();
});

const numbers = [
  '-1',
  '1.5',
  '1e309',
  '-1e309',
  '9007199254740992',
  '9007199254740993',
  '18446744073709551616',
  '"5"',
  '[5]',
  'null',
  'true',
  '{}',
];

test('numbers that are none end the session', async () => {
  for (const number of numbers) {
    for (const body of [
      `{"t":"list","id":${number},"path":""}`,
      `{"t":"offer","id":1,"files":[["a.txt",${number},0,"${tag}"]],"more":false}`,
      `{"t":"ping","n":${number}}`,
    ]) {
      const peer = await enter(served.port, parties.peer);
      peer.raw(messageFrame(body));
      const last = lastWord(await peer.farewell());
      expect(last, body).toMatchObject({ code: 'protocol' });
    }
  }
});

test('request ids must rise', async () => {
  for (const id of ['0', '-0', '4294967296']) {
    const peer = await enter(served.port, parties.peer);
    peer.raw(messageFrame(`{"t":"list","id":${id},"path":""}`));
    await expectEnded(peer);
  }
  const peer = await enter(served.port, parties.peer);
  peer.say({ t: 'list', id: 5, path: '' }, { t: 'list', id: 5, path: '' });
  await expectEnded(peer);
});

test('a size of minus zero is an empty file', async () => {
  const peer = await enter(served.port, parties.peer);
  peer.raw(messageFrame(`{"t":"offer","id":1,"files":[["zero.txt",-0,0,"${tag}"]],"more":false}`));
  await peer.hear('want');
  peer.say({ t: 'end', id: 1, file: 0 });
  expect(await peer.hear('receipt')).toMatchObject({ as: 'new_zero.txt', size: 0 });
  await peer[Symbol.asyncDispose]();
});

test.each([Number.MIN_SAFE_INTEGER, -1, Number.MAX_SAFE_INTEGER])(
  'a modification time of %s does no harm',
  async (mtime) => {
    const peer = await enter(served.port, parties.peer);
    peer.say({ ...offer(), files: [[`time${mtime}.txt`, content.length, mtime, tag]] });
    await peer.hear('want');
    peer.raw(wholeChunk);
    peer.say({ t: 'end', id: 1, file: 0 });
    await peer.hear('receipt', 'fail');
    expect(await peer.lives()).toBe(true);
    await peer[Symbol.asyncDispose]();
  },
);

const wide = 'ü'.repeat(120);
const hostileNames: readonly [string, string][] = [
  ['parent', '..'],
  ['path to a parent', '../outside/canary.txt'],
  ['parent in the middle', 'a/../../outside/canary.txt'],
  ['absolute', '/etc/passwd'],
  ['backslash', '..\\outside\\canary.txt'],
  ['drive with backslash', 'C:\\x'],
  ['NUL', 'plain.txt\0.png'],
  ['line break', 'a\nb'],
  ['escape', '\u001b[2Jx'],
  ['C1 control', 'a\u009b2Jb'],
  ['line separator', 'a\u2028b'],
  ['bidi override', 'a\u202egpj.exe'],
  ['bidi isolate', 'a\u2066b'],
  ['lone surrogate', 'a\ud800b'],
  ['241 bytes', 'x'.repeat(241)],
  ['242 bytes of two', `${wide}ü`],
  ['255 bytes', 'x'.repeat(255)],
  ['256 bytes', 'x'.repeat(256)],
  ['dot', '.'],
  ['hidden', '.ssh'],
  ['our own area', '.lanpost'],
  ['inside our own area', '.lanpost/x.part'],
  ['empty part', 'a//b'],
  ['empty end', 'a/'],
  ['empty start', '/a'],
  ['33 deep', Array.from({ length: 33 }, () => 'a').join('/')],
];

describe.each(hostileNames)('the name %s', (_what, name) => {
  test.each(['list', 'get'] as const)('in %s is refused by itself', async (t) => {
    const peer = await enter(served.port, parties.peer);
    peer.say({ t, id: 1, path: name });
    const { code } = await peer.hear('error');
    expect(code).toMatch(/^name-(refused|too-long)$/);
    expect(await peer.lives()).toBe(true);
    await peer[Symbol.asyncDispose]();
  });

  test('in an offer is refused by itself', async () => {
    const files = await readdir(served.folder);
    for (const offered of [offer(name), offer('plain', 5, { as: name.slice(0, 256) })]) {
      const peer = await enter(served.port, parties.peer);
      peer.say(offered);
      const { code } = await peer.hear('error');
      expect(code).toMatch(/^name-(refused|too-long)$/);
      expect(await peer.lives()).toBe(true);
      await peer[Symbol.asyncDispose]();
    }
    expect(await readdir(served.folder)).toEqual(files);
  });
});

test('a path that is too long, or no text, ends the session', async () => {
  for (const path of ['x'.repeat(4097), 5, null, ['a'], { toString: 'a' }]) {
    const peer = await enter(served.port, parties.peer);
    peer.say({ t: 'get', id: 1, path });
    await expectEnded(peer);
  }
});

test.each([
  ['of nothing', [], false],
  [
    'of several files',
    [
      ['a.txt', 1, 0, tag],
      ['b.txt', 1, 0, tag],
    ],
    false,
  ],
  ['of more to come', [['a.txt', 1, 0, tag]], true],
  ['without a tag', [['a.txt', 1, 0]], false],
  ['of a folder', [['a', 0]], false],
])('an offer %s is no offer of one file, and no batch', async (_, files, more) => {
  const peer = await enter(served.port, parties.peer);
  peer.say({ t: 'offer', id: 1, files, more });
  await expectEnded(peer);
});

test('a file beyond the limit is refused before a byte moves', async () => {
  const peer = await enter(served.port, parties.peer);
  for (const [at, size] of [2 ** 30 + 1, Number.MAX_SAFE_INTEGER].entries()) {
    peer.say({ ...offer('vast.bin', size), id: at + 1 });
    const { files } = await peer.hear('want');
    expect(files).toMatchObject([{ want: 'refused', code: 'file-too-large' }]);
  }
  expect(await peer.lives()).toBe(true);
  await peer[Symbol.asyncDispose]();
});

describe('chunks that are not what was wanted', () => {
  let name = '';
  let count = 0;

  /** Every offer has a name of its own, so that nothing is compared. */
  async function accepted(size: number): Promise<HostilePeer> {
    const peer = await enter(served.port, parties.peer);
    count += 1;
    name = `chunks-${count}.bin`;
    peer.say(offer(name, size));
    await peer.hear('want');
    return peer;
  }

  test.each([
    ['of another transfer', { id: 2, length: mebibyte }],
    ['of another file', { file: 1, length: mebibyte }],
    ['beyond the end', { chunk: 3, length: mebibyte }],
    ['far beyond the end', { chunk: 0xffffffff, length: mebibyte }],
    ['too short', { length: mebibyte - 1 }],
    ['too long for the last', { chunk: 2, length: mebibyte }],
    ['empty', { length: 0 }],
    ['larger than a chunk', { length: mebibyte + 1 }],
  ])('%s: the session ends', async (_what, fields) => {
    const peer = await accepted(2 * mebibyte + 10);
    peer.raw(chunkFrame(fields));
    await expectEnded(peer);
  });

  test('a chunk twice', async () => {
    const peer = await accepted(content.length);
    peer.raw(wholeChunk, wholeChunk);
    await expectEnded(peer);
  });

  test('more data than the chunk has', async () => {
    const peer = await accepted(content.length);
    peer.raw(
      chunkFrame({ length: content.length, digest: contentDigest }),
      frame(3, Buffer.concat([content, content])),
    );
    await expectEnded(peer);
  });

  test('a chunk inside a chunk, of the same and of another transfer', async () => {
    for (const id of [1, 2]) {
      const peer = await accepted(2 * mebibyte);
      peer.say({ ...offer('other.bin', 2 * mebibyte), id: 2 });
      await peer.hear('want');
      peer.raw(
        chunkFrame({ length: mebibyte }),
        frame(3, Buffer.alloc(10)),
        chunkFrame({ id, chunk: 1, length: mebibyte }),
      );
      await expectEnded(peer);
    }
  });

  test('words about another file of the transfer', async () => {
    for (const t of ['end', 'fail']) {
      const peer = await accepted(content.length);
      peer.raw(wholeChunk);
      await peer.hear('got');
      peer.say({ t, id: 1, file: 1, code: 'cancelled', message: '' });
      await expectEnded(peer);
    }
  });

  test('a wrong digest: the file is damaged, the session goes on', async () => {
    const peer = await accepted(content.length);
    peer.raw(chunkFrame({ length: content.length }), frame(3, content));
    expect(await peer.hear('fail')).toMatchObject({ id: 1, code: 'damaged' });
    peer.say({ t: 'end', id: 1, file: 0 });
    expect(await peer.lives()).toBe(true);
    expect(await readdir(served.folder)).not.toContain(`new_${name}`);
    await peer[Symbol.asyncDispose]();
  });

  test('end inside the only chunk: never a file', async () => {
    const peer = await accepted(content.length);
    peer.raw(
      chunkFrame({ length: content.length, digest: contentDigest }),
      frame(3, content.subarray(0, 5)),
      saying({ t: 'end', id: 1, file: 0 }),
      frame(3, content.subarray(5)),
    );
    await peer.hear('fail', 'error');
    expect(await readdir(served.folder)).not.toContain(`new_${name}`);
    await peer[Symbol.asyncDispose]();
  });

  test('reordered chunks land where they belong', async () => {
    const parts = [Buffer.alloc(mebibyte, 1), Buffer.alloc(mebibyte, 2), Buffer.from('tail')];
    const { digestOf } = await import('#sharing/storage/digest.js');
    const peer = await accepted(2 * mebibyte + 4);
    for (const chunk of [2, 0, 1]) {
      const bytes = parts[chunk]!;
      const digest = digestOf('blake3', bytes);
      peer.raw(chunkFrame({ chunk, length: bytes.length, digest }));
      for (let at = 0; at < bytes.length; at += 300_001) {
        peer.raw(frame(3, bytes.subarray(at, at + 300_001)), saying({ t: 'ping', n: at }));
      }
    }
    peer.say({ t: 'end', id: 1, file: 0 });
    const { as } = await peer.hear('receipt');
    const stored = await readFile(join(served.folder, String(as)));
    expect(stored.equals(Buffer.concat(parts))).toBe(true);
    await peer[Symbol.asyncDispose]();
  });
});

test('an offer that is withdrawn at once leaves nothing behind', async () => {
  for (let i = 0; i < 20; i += 1) {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer('withdrawn.txt'), { t: 'fail', id: 1, file: 0, code: 'cancelled', message: '' });
    expect(await peer.lives()).toBe(true);
    await peer[Symbol.asyncDispose]();
  }
});

test('an offer that is compared and withdrawn at once leaves nothing behind', async () => {
  for (let i = 0; i < 20; i += 1) {
    const peer = await enter(served.port, parties.peer);
    const fail = { t: 'fail', id: 1, file: 0, code: 'cancelled', message: '' };
    peer.say(offer('twin.bin', 2 * mebibyte), fail);
    expect(await peer.lives()).toBe(true);
    await peer[Symbol.asyncDispose]();
  }
});

test('an offer and then the end of the stream leaves nothing behind', async () => {
  for (let i = 0; i < 20; i += 1) {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer('gone.txt'));
    if (i % 2 === 0) peer.socket.end();
    else peer.socket.destroySoon();
    await peer.farewell();
  }
});

describe('digests that do not fit', () => {
  test.each([
    ['not from the start', digestsFrame(1, 0, 1, Buffer.alloc(32))],
    ['more than there are chunks', digestsFrame(1, 0, 0, Buffer.alloc(3 * 32))],
    ['of another file', digestsFrame(1, 1, 0, Buffer.alloc(32))],
    ['of another transfer', digestsFrame(9, 0, 0, Buffer.alloc(32))],
  ])('%s', async (_what, bytes) => {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer('twin.bin', 2 * mebibyte));
    await peer.hear('want');
    peer.raw(bytes);
    await expectEnded(peer);
  });
});

describe('a get', () => {
  async function offered(): Promise<HostilePeer> {
    const peer = await enter(served.port, parties.peer);
    peer.say({ t: 'get', id: 1, path: 'large.bin' });
    await peer.hear('offer');
    return peer;
  }

  const ranges = (...list: readonly unknown[]): object => ({
    want: 'ranges',
    file: 0,
    ranges: list,
  });

  test.each<[string, object]>([
    ['empty range', ranges([3, 3])],
    ['backward range', ranges([5, 3])],
    ['range beyond the end', ranges([0, 41])],
    ['vast range', ranges([0, 0xffffffff])],
    ['overlapping ranges', ranges([0, 5], [4, 8])],
    ['adjacent ranges', ranges([0, 5], [5, 8])],
    ['descending ranges', ranges([7, 9], [0, 2])],
    ['ranges of one', ranges([1])],
    ['ranges of three', ranges([1, 2, 3])],
    ['1001 ranges', ranges(...Array.from({ length: 1001 }, (_, i) => [2 * i, 2 * i + 1]))],
    ['negative range', ranges([-1, 3])],
    ['another file', { want: 'all', file: 1 }],
    ['a want of no kind', { want: 'everything', file: 0 }],
    ['a reason that is none', { want: 'nothing', file: 0, reason: 'bored', as: 'x', digest: '' }],
  ])('with a bad want, %s: the session ends', async (_what, want) => {
    const peer = await offered();
    peer.say({ t: 'want', id: 1, files: [want], more: false });
    await expectEnded(peer);
  });

  test('with two wants in one message: the session ends', async () => {
    const peer = await offered();
    const all = { want: 'all', file: 0 };
    peer.say({ t: 'want', id: 1, files: [all, all], more: false });
    await expectEnded(peer);
  });

  test('with a want before the offer: the session ends', async () => {
    const peer = await enter(served.port, parties.peer);
    peer.say(
      { t: 'get', id: 1, path: 'large.bin' },
      { t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false },
    );
    await expectEnded(peer);
  });

  test('sends no more than the window without confirmation', async () => {
    const peer = await offered();
    peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
    for (let i = 0; i < 8; i += 1) await peer.hear('chunk');
    expect(await peer.lives()).toBe(true);
    await eventually('the whole window', () => peer.dataBytes() >= 8 * mebibyte);
    await delay(100);
    expect(peer.dataBytes()).toBe(8 * mebibyte);
    await peer[Symbol.asyncDispose]();
  });

  test('with chunks confirmed that were never sent: the session ends', async () => {
    for (const chunk of [8, 39, 40, 0xffffffff]) {
      const peer = await offered();
      peer.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
      for (let i = 0; i < 8; i += 1) await peer.hear('chunk');
      peer.say({ t: 'got', id: 1, file: 0, chunk });
      await expectEnded(peer);
    }
  });

  test('of the share itself is refused by itself', async () => {
    const peer = await enter(served.port, parties.peer);
    peer.say({ t: 'get', id: 1, path: '' });
    expect(await peer.hear('error')).toMatchObject({ id: 1, code: 'is-folder' });
    peer.say(offer(''));
    await expectEnded(peer);
  });
});

test('more requests than allowed are refused by themselves', async () => {
  const peer = await enter(served.port, parties.peer);
  for (let id = 1; id <= 4; id += 1) {
    peer.say({ t: 'get', id, path: 'plain.txt' });
    await peer.hear('offer');
  }
  for (const [at, request] of [
    { t: 'get', path: 'plain.txt' },
    { t: 'list', path: '' },
    offer(),
  ].entries()) {
    peer.say({ ...request, id: 5 + at });
    expect(await peer.hear('error')).toMatchObject({ id: 5 + at, code: 'too-many-transfers' });
  }
  peer.say({ t: 'fail', id: 1, file: 0, code: 'cancelled', message: '' });
  expect(await peer.lives()).toBe(true);
  // The server counts it until its source is closed, a moment after its last word.
  const answers: unknown[] = [];
  for (let id = 9; id < 60 && answers.at(-1) !== 'entries'; id += 1) {
    await delay(20);
    peer.say({ t: 'list', id, path: '' });
    answers.push((await peer.hear('entries', 'error')).t);
  }
  expect(answers.at(-1)).toBe('entries');
  await peer[Symbol.asyncDispose]();
});

test('a hello in another version, for a lane without a token, or without a digest we have is denied', async () => {
  for (const [change, code] of [
    [{ v: 2 }, 'version-mismatch'],
    [{ purpose: 'lane' }, 'protocol'],
    [{ digests: ['md5'] }, 'unsupported'],
    [{ digests: [] }, 'protocol'],
    [{ digests: ['constructor', '__proto__'] }, 'unsupported'],
    [{ name: '' }, 'protocol'],
    [{ name: 'x'.repeat(257) }, 'protocol'],
    [{ features: Array.from({ length: 33 }, () => 'x') }, 'protocol'],
  ] as const) {
    const peer = await dialHostile(served.port, parties.peer);
    peer.say({ ...hello, ...change });
    await expectEnded(peer, code);
  }
});

test('a stranger learns nothing, whatever it asks before or after the hello', async () => {
  for (const kind of Object.keys(inputs).filter((kind) => !/ping|pong/.test(kind))) {
    for (const bytes of [
      Buffer.concat([inputs[kind]!, inputs['list']!]),
      Buffer.concat([saying(hello), inputs[kind]!, inputs['list']!]),
    ]) {
      const peer = await dialHostile(served.port, parties.stranger);
      peer.raw(bytes);
      const heard = await peer.farewell();
      expect(heard, kind).toHaveLength(1);
      expect(heard[0]).toMatchObject({ t: 'denied' });
      expect(JSON.stringify(heard)).not.toMatch(/plain|large|twin|shared/);
    }
  }
});
