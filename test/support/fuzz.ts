import { SharingError } from '#sharing/errors.js';
import type { Incoming } from '#sharing/session/incoming.js';
import { clientRules } from '#sharing/session/client.js';
import { receiveRules } from '#sharing/session/receiving.js';
import { sendRules } from '#sharing/session/sending.js';
import { serverRules } from '#sharing/session/server.js';
import { isSafeName, maxNameLength, safeName, safePath } from '#sharing/storage/path.js';
import { frameDecoder } from '#sharing/wire/frame.js';
import { decode } from '#sharing/wire/message.js';
import type { EntryRow } from '#sharing/wire/rows.js';
import { frame, hello, messageFrame, welcome } from './hostile-peer.js';
import fc from 'fast-check';
import { posix } from 'node:path';
import { expect } from 'vitest';
import { framesOf } from './frames.js';

/** Runs `work`; only a SharingError with this code may come out of it. True when nothing did. */
function onlyFails(code: RegExp, work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof SharingError && code.test(error.code)) return false;
    throw error;
  }
}

const u32 = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffffffff }));
const oddNumber = fc.oneof(
  u32,
  fc.constantFrom(-0, -1, 0.5, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), 1e300, Number.MIN_VALUE),
);
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', '..', '.', '/', 'a/../b', 'a\\b', '.x', 'a\0b', '\u202e', '\ud800', 'ok.txt'),
  fc.constantFrom('__proto__', 'constructor', 'toString'),
);
const kind = fc.constantFrom(
  ...['hello', 'welcome', 'denied', 'list', 'entries', 'get', 'offer', 'want', 'got', 'end'],
  ...['receipt', 'fail', 'error', 'ping', 'pong', 'bye', 'sing', '__proto__', 'constructor', ''],
);
const oddValue = fc.oneof(
  oddNumber,
  oddText,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 4 }),
);

/** Something that looks like a message: known keys, odd values. */
const nearMessage = fc
  .record(
    {
      t: fc.oneof(kind, oddValue),
      id: oddValue,
      v: oddValue,
      path: oddValue,
      files: oddValue,
      rows: oddValue,
      more: oddValue,
      file: oddValue,
      chunk: oddValue,
      as: oddValue,
      size: oddValue,
      digest: oddValue,
      code: oddValue,
      message: oddValue,
      n: oddValue,
    },
    { requiredKeys: ['t'] },
  )
  .map((message) => JSON.stringify(message));

const anyFrame = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  nearMessage.map((text) => messageFrame(text)),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => messageFrame(bytes)),
  fc
    .tuple(fc.nat(5), fc.uint8Array({ maxLength: 80 }), fc.nat(0xffffff))
    .map(([byte, body, announced]) => frame(byte, body, announced)),
  fc
    .tuple(fc.constantFrom(2, 4), u32, u32, u32, u32)
    .map(([byte, ...words]) => frame(byte, wordsAndDigest(words))),
  fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => frame(3, bytes)),
);

function wordsAndDigest(words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(48);
  words.forEach((word, at) => bytes.writeUInt32BE(word, 4 * at));
  return bytes;
}

/** Frames in, cut anywhere: messages and frames come out, or a breach of protocol, and nothing else. */
export const anyBytes = fc.property(
  fc.array(anyFrame, { maxLength: 6 }),
  fc.array(fc.nat(400), { maxLength: 6 }),
  (frames, cuts) => {
    const bytes = Buffer.concat(frames);
    const decoder = frameDecoder();
    onlyFails(/^protocol$/, () => {
      let from = 0;
      for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
        for (const one of framesOf(decoder, bytes.subarray(from, Math.max(from, to)))) {
          if (one.t === 'message') onlyFails(/^protocol$/, () => decode(one.body));
        }
        from = Math.max(from, to);
      }
    });
    expect(Object.prototype).not.toHaveProperty('t');
  },
);

/** However bytes are cut, what comes out of the decoder is the same. */
export const anyCuts = fc.property(
  fc.array(anyFrame, { maxLength: 5 }),
  fc.integer({ min: 1, max: 7 }),
  (frames, step) => {
    const bytes = Buffer.concat(frames);
    const whole = decoded(bytes, bytes.length + 1, false);
    expect(decoded(bytes, step, false)).toEqual(whole);
    expect(decoded(bytes, step, true)).toEqual(whole);
  },
);

function decoded(bytes: Buffer, step: number, shortcut: boolean): unknown[] {
  const decoder = frameDecoder();
  const out: unknown[] = [];
  let data = Buffer.alloc(0);
  const whole = onlyFails(/^protocol$/, () => {
    for (let at = 0; at < bytes.length; at += step) {
      const part = bytes.subarray(at, at + step);
      if (shortcut && decoder.passes(part)) {
        data = Buffer.concat([data, part]);
        continue;
      }
      for (const one of framesOf(decoder, part)) {
        if (one.t === 'data') data = Buffer.concat([data, one.bytes]);
        else out.push(data.length, one.t === 'message' ? one.body.toString('hex') : one.t);
      }
    }
  });
  return [...out, data.toString('hex'), whole];
}

const piece = fc.oneof(
  oddText,
  fc.string({ unit: 'grapheme', maxLength: 90 }),
  fc.integer({ min: 230, max: 250 }).map((length) => 'x'.repeat(length)),
);
const anyPath = fc.oneof(
  piece,
  fc.array(piece, { maxLength: 36 }).map((pieces) => pieces.join('/')),
);

/** Whatever is accepted as a path stays below the root and can be shown. */
export const safePaths = fc.property(anyPath, (text) => {
  onlyFails(/^name-(refused|too-long)$/, () => {
    const names = safePath(text);
    for (const name of names) expectSafe(name);
    expect(names.join('/')).toBe(text);
    const place = posix.resolve('/root/share', ...names);
    expect(place).toBe(posix.join('/root/share', text));
    expect(place === '/root/share' || place.startsWith('/root/share/')).toBe(true);
  });
  const accepted = onlyFails(/^name-(refused|too-long)$/, () => {
    expectSafe(safeName(text));
  });
  expect(isSafeName(text)).toBe(accepted);
});

function expectSafe(name: string): void {
  expect(name).not.toBe('');
  expect(name).not.toMatch(/^\.|[/\\]|\p{Cc}|\p{Cs}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(maxNameLength);
  expect(Buffer.from(name).toString()).toBe(name);
}

const digest = fc.constant(`blake3:${'0'.repeat(64)}`);
const want = fc.oneof(
  fc.record({ want: fc.constant('all' as const), file: u32 }),
  fc.record({ want: fc.constant('digests' as const), file: u32 }),
  fc.record({
    want: fc.constant('ranges' as const),
    file: u32,
    ranges: fc.array(fc.tuple(u32, u32), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    want: fc.constant('nothing' as const),
    file: u32,
    reason: fc.constantFrom('identical' as const, 'skipped' as const),
    as: fc.constant('x'),
    digest,
  }),
  fc.record({
    want: fc.constant('refused' as const),
    file: u32,
    code: fc.constantFrom('no-room', 'made-up'),
    message: oddText,
  }),
);
const id = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 4 }) }, u32);
const tag = fc.constant('a'.repeat(32));
const said = { code: fc.constantFrom('changed', 'made-up', '__proto__'), message: oddText };
const offerRow = fc.tuple(oddText, fc.nat(3_000_000), fc.integer(), tag);

/** Everything that can arrive, well formed, in any order. */
const anyIncoming: fc.Arbitrary<Incoming> = fc.oneof(
  fc.constantFrom<Incoming>(
    { ...hello, features: [], digests: ['blake3'] },
    { ...welcome, features: [], rights: ['read', 'write'] },
    { ...welcome, as: 'owner', features: [], rights: [] },
    { t: 'bye' },
    { t: 'unknown', kind: 'sing', id: 2 },
    { t: 'unknown', kind: 'sing' },
  ),
  fc.record({ t: fc.constant('denied' as const), ...said }),
  fc.record({ t: fc.constant('error' as const), id, ...said }),
  fc.record({ t: fc.constant('list' as const), id, path: oddText }),
  fc.record({ t: fc.constant('get' as const), id, path: oddText }),
  fc.record({
    t: fc.constant('entries' as const),
    id,
    rows: fc.constant<EntryRow[]>([]),
    more: fc.boolean(),
  }),
  fc.record({
    t: fc.constant('offer' as const),
    id,
    files: fc.array(offerRow, { minLength: 1, maxLength: 2 }),
    more: fc.boolean(),
  }),
  fc.record({
    t: fc.constant('want' as const),
    id,
    files: fc.array(want, { minLength: 1, maxLength: 2 }),
    more: fc.boolean(),
  }),
  fc.record(
    {
      t: fc.constant('got' as const),
      id,
      file: u32,
      chunk: u32,
      also: fc.array(u32, { maxLength: 7 }),
    },
    { requiredKeys: ['t', 'id', 'file', 'chunk'] },
  ),
  fc.record({ t: fc.constant('end' as const), id, file: u32 }),
  fc.record({ t: fc.constant('fail' as const), id, file: u32, ...said }),
  fc.record({
    t: fc.constant('receipt' as const),
    id,
    file: u32,
    as: fc.constant('x'),
    size: fc.nat(),
    digest,
  }),
  fc.record({
    t: fc.constant('chunk' as const),
    id,
    file: u32,
    chunk: u32,
    length: fc.integer({ min: 1, max: 1024 * 1024 }),
    digest: fc.constant(Buffer.alloc(32)),
  }),
  fc.record({ t: fc.constant('data' as const), bytes: fc.constant(Buffer.alloc(8)) }),
  fc.record({
    t: fc.constant('digests' as const),
    id,
    file: u32,
    first: u32,
    digests: fc.integer({ min: 1, max: 4 }).map((count) => Buffer.alloc(32 * count)),
  }),
);

const script = fc.array(anyIncoming, { maxLength: 25 });

/** A server's rules never throw, close once, and then swallow everything. */
export const serverSessions = fc.property(script, fc.boolean(), (incoming, greeted) => {
  const admission = { as: 'peer', rights: ['read', 'write'] } as const;
  const rules = serverRules({
    name: 'fuzz',
    admission,
    mode: 'share',
    pairs: false,
    mayBegin: (underWay) => (underWay < 2 ? undefined : new SharingError('too-many-transfers', '')),
  });
  let closed = false;
  let running = 0;
  const first: Incoming[] = greeted ? [{ ...hello, features: [], digests: ['blake3'] }] : [];
  for (const one of [...first, ...incoming]) {
    const actions = rules.receive(one);
    if (closed) expect(actions).toEqual([]);
    for (const action of actions) {
      if (action.do === 'close') closed = true;
      if (/^(list|serve|accept)$/.test(action.do)) running += 1;
    }
    expect(running).toBeLessThanOrEqual(2);
  }
});

/** A client's rules never throw, close once, and then swallow everything. */
export const clientSessions = fc.property(
  script,
  fc.boolean(),
  fc.array(fc.constantFrom('listing' as const, 'getting' as const, 'sending' as const), {
    maxLength: 3,
  }),
  (incoming, trusted, work) => {
    const rules = clientRules(trusted);
    rules.receive({ ...welcome, features: [], rights: ['read', 'write'] });
    for (const one of work) rules.begin(one);
    let closed = false;
    for (const one of incoming) {
      const actions = rules.receive(one);
      if (closed) expect(actions).toEqual([]);
      if (actions.some((action) => action.do === 'close')) closed = true;
    }
  },
);

type ReceiveStep = 'compare' | 'wantAll' | 'refuse' | 'finish' | Incoming;

/** The receiver of a file throws breaches only, and takes no chunk twice. */
export const receivers = fc.property(
  fc.nat(3 * 1024 * 1024),
  fc.array(
    fc.oneof(
      fc.constantFrom<ReceiveStep>('compare', 'wantAll', 'refuse', 'finish'),
      anyIncoming,
      fc.nat(4).map((chunk): Incoming => {
        return { t: 'chunk', id: 1, file: 0, chunk, length: 1024 * 1024, digest: Buffer.alloc(32) };
      }),
    ),
    { maxLength: 25 },
  ),
  (size, steps) => {
    const rules = receiveRules(size);
    const taken = new Set<number>();
    for (const step of steps) {
      onlyFails(/^protocol$/, () => {
        if (step === 'compare') rules.compare();
        else if (step === 'wantAll') {
          rules.wantChunks(new Uint8Array(Math.ceil(size / (1024 * 1024))).fill(1));
          taken.clear();
        } else if (step === 'refuse') rules.refuse();
        else if (step === 'finish') rules.finish();
        else if (step.t === 'digests') rules.digests(step);
        else if (step.t === 'fail') rules.failed();
        else if (step.t === 'end') {
          if (rules.end() === 'take') expect(taken.size).toBe(Math.ceil(size / (1024 * 1024)));
        } else if (step.t === 'chunk' && rules.chunk(step) === 'take') {
          expect(taken).not.toContain(step.chunk);
          taken.add(step.chunk);
        }
      });
    }
  },
);

/** The sender of a file throws breaches only, and sends nothing that is not there. */
export const senders = fc.property(
  fc.nat(30),
  fc.array(fc.oneof(fc.constant('next' as const), want, anyIncoming), { maxLength: 40 }),
  (chunks, steps) => {
    const rules = sendRules(chunks);
    for (const step of steps) {
      onlyFails(/^protocol$/, () => {
        if (step === 'next') {
          const action = rules.next();
          if (action.do === 'chunk') expect(action.chunk).toBeLessThan(chunks);
          if (action.do === 'digests') expect(action.first + action.count <= chunks).toBe(true);
        } else if ('want' in step) rules.receive(step);
        else if (step.t === 'got' || step.t === 'receipt' || step.t === 'fail') rules.receive(step);
      });
    }
  },
);
