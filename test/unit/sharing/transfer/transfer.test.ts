import { transferTable, inTurn, type Transfers } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import { routeTransfer, type Direction, type Incoming } from '#sharing/session/incoming.js';
import { chunksGot, type SendOutcome } from '#sharing/session/sending.js';
import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { digestOf, digestText, fileDigest } from '#sharing/storage/digest.js';
import { openFolder } from '#sharing/storage/folder.js';
import { safeName, safePath } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { openShare } from '#sharing/storage/share.js';
import type { Source } from '#sharing/storage/source.js';
import { maySkip } from '#sharing/transfer/belief.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { startReceiving, type ReceiveOutcome, type Receiving } from '#sharing/transfer/receive.js';
import { startSending, type Sending } from '#sharing/transfer/send.js';
import { roadOver } from '#sharing/transport/lane.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { Policy, Want } from '#sharing/wire/message.js';
import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { socketPair } from '../../../support/socket-pair.js';
import { temporaryFolder } from '../../../support/temporary.js';

const content = Buffer.alloc(2 * chunkSize + 7, 5);
const room = openRoom({ keepFree: 0, maxFileSize: 2 ** 40 });

interface Options {
  /** What is sent, in place of `content`, and when it was changed last, in seconds. */
  readonly bytes?: Buffer;
  readonly changed?: number;
  /** Where the source lies. */
  readonly from?: string;
  readonly policy?: Policy;
  readonly onSent?: OnProgress;
  readonly onReceived?: OnProgress;
  /** What the receiver lands in, in place of the plain area. */
  readonly wrap?: (area: LandingArea) => LandingArea;
}

interface Transfer {
  readonly sending: Sending;
  readonly receiving: Receiving;
  readonly ends: readonly [Connection, Connection];
  /** Where it lands. */
  readonly place: string;
  /** Chunks that travelled. */
  readonly travelled: readonly number[];
  /** What the receiver has told of them: the chunks of each word. */
  readonly told: readonly (readonly number[])[];
  readonly sent: Promise<SendOutcome>;
  readonly received: Promise<ReceiveOutcome>;
}

/** One file from a sender to a receiver, each at its end of a connection in memory. */
async function transfer(options: Options = {}, place?: string): Promise<Transfer> {
  const from = options.from ?? (await temporaryFolder());
  const to = place ?? (await temporaryFolder());
  if (options.bytes || !options.from) {
    await writeFile(join(from, 'a.bin'), options.bytes ?? content);
    // A file that was changed just now has a tag that will not come again.
    await utimes(join(from, 'a.bin'), options.changed ?? 1000, options.changed ?? 1000);
  }
  const share = await openShare(from, Buffer.alloc(32));
  const target = await openFolder(to);
  const plain = await openLandingArea(target);
  const area = options.wrap?.(plain) ?? plain;
  const source = await share.open(safePath('a.bin'));
  const silence = { heartbeat: 15_000, idle: 35_000 };
  const [near, far] = socketPair();
  const ends = [speak(near, silence), speak(far, silence)] as const;
  const common = { id: 1, file: 0, algorithm: 'blake3', stallTime: 20_000 } as const;
  const travelled: number[] = [];
  const told: (readonly number[])[] = [];
  const tables = [
    listenAs(ends[0], 'sending', (incoming) => {
      if (incoming.t === 'got') told.push(chunksGot(incoming));
    }),
    listenAs(ends[1], 'receiving', (incoming) => {
      if (incoming.t === 'chunk') travelled.push(incoming.chunk);
    }),
  ] as const;
  const { onSent, onReceived } = options;
  const sending = startSending(roadOver(ends[0]), {
    ...common,
    source,
    maySkip: maySkip(options.policy),
    ...(onSent && { onProgress: onSent }),
  });
  tables[0].sending.set(1, sending);
  const receiving = startReceiving(ends[1], {
    ...common,
    area: () => Promise.resolve(area),
    room,
    name: safeName('new_a.bin'),
    policy: options.policy ?? 'number',
    size: source.size,
    mtime: source.mtime,
    tag: source.tag,
    peer: 'PEER',
    ...(onReceived && { onProgress: onReceived }),
  });
  tables[1].receiving.set(1, receiving);
  onTestFinished(async () => {
    await Promise.allSettled([sending.outcome, receiving.outcome]);
    for (const one of [...ends, plain, target, share]) await one[Symbol.asyncDispose]();
  });
  const [sent, received] = [sending.outcome, receiving.outcome];
  for (const outcome of [sent, received]) outcome.catch(() => undefined);
  return { sending, receiving, ends, place: to, travelled, told, sent, received };
}

function listenAs(
  connection: Connection,
  direction: Direction,
  onIncoming: (incoming: Incoming) => void = () => undefined,
): Transfers {
  const table = transferTable();
  connection.receive((incoming) => {
    onIncoming(incoming);
    const actions = routeTransfer(
      incoming,
      () => direction,
      () => true,
    );
    return inTurn(actions ?? [], (action) => table.carryOut(action));
  });
  return table;
}

const visible = async (place: string): Promise<string[]> =>
  (await readdir(place)).filter((name) => name !== '.lanpost');
const partials = (place: string): Promise<string[]> => readdir(join(place, '.lanpost'));

describe('a transfer', () => {
  test('arrives, and both sides say so', async () => {
    const { sent, received, place } = await transfer();
    const { digest } = (await received) as { digest: string };
    expect(await sent).toEqual({ kind: 'stored', as: 'new_a.bin', size: content.length, digest });
    expect((await readFile(join(place, 'new_a.bin'))).equals(content)).toBe(true);
  });

  test('chunks that come quickly are told a few at a time, each once, the last at once', async () => {
    const bytes = Buffer.alloc(24 * chunkSize, 5);
    const { sent, told } = await transfer({ bytes });
    expect(await sent).toMatchObject({ kind: 'stored' });
    expect(told.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, at) => at));
    expect(told.length).toBeLessThan(24);
    expect(Math.max(...told.map(({ length }) => length))).toBeLessThanOrEqual(4);
  });

  test('given up by the receiver before it has its name is not there, and the sender is told', async () => {
    const one = await transfer({
      onReceived: ({ phase }) => {
        if (phase === 'saving') one.receiving.cancel();
      },
    });
    expect(await one.received).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await one.sent).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await visible(one.place)).toEqual([]);
  });

  test('given up by the receiver when it has its name is received', async () => {
    const one = await transfer({
      wrap: (area) => ({
        ...area,
        target: {
          ...area.target,
          sync: () => {
            one.receiving.cancel();
            return area.target.sync();
          },
        },
      }),
    });
    expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
    expect(await one.sent).toMatchObject({ kind: 'stored', as: 'new_a.bin' });
    expect(await visible(one.place)).toEqual(['new_a.bin']);
  });

  test('taken back by the sender while it is saved: the last word tells, and the session goes on', async () => {
    const early = await transfer({
      onSent: ({ phase }) => {
        if (phase === 'saving') early.sending.cancel();
      },
      wrap: (area) => ({ ...area, folder: slow(area.folder) }),
    });
    const [sent, received] = [await early.sent, await early.received];
    expect(sent.kind === 'stored').toBe(received.kind === 'received');
    expect((await visible(early.place)).length).toBe(received.kind === 'received' ? 1 : 0);
    expect(early.ends.map(({ signal }) => signal.aborted)).toEqual([false, false]);
  });

  test('saved when the connection ends is received all the same', async () => {
    const one = await transfer({
      onReceived: ({ phase }) => {
        if (phase === 'saving') one.ends[0].close(new SharingError('connection-lost', 'cut'));
      },
    });
    expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
    await expect(one.sent).rejects.toMatchObject({ code: 'connection-lost' });
    expect(await visible(one.place)).toEqual(['new_a.bin']);
  });

  test('given up while the partial is made begins nothing', async () => {
    const one = await transfer({
      wrap: (area) => ({
        ...area,
        folder: {
          ...area.folder,
          at: (name) => {
            one.receiving.cancel();
            return area.folder.at(name);
          },
        },
      }),
    });
    expect(await one.received).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await one.sent).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await partials(one.place)).toEqual([]);
  });

  test('a file that is the same but vanishes while it is compared is received', async () => {
    const place = await temporaryFolder();
    await writeFile(join(place, 'new_a.bin'), content);
    const one = await transfer(
      {
        wrap: (area) => ({
          ...area,
          target: {
            ...area.target,
            sync: async () => {
              await rm(join(place, 'new_a.bin'), { force: true });
              await area.target.sync();
            },
          },
        }),
      },
      place,
    );
    expect(await one.received).toMatchObject({ kind: 'received' });
  });
});

describe('a name that is taken', () => {
  const older = 500;
  const newer = 2000;

  async function onto(policy: Policy, time: number): Promise<Transfer> {
    const place = await temporaryFolder();
    await writeFile(join(place, 'new_a.bin'), 'before');
    await utimes(join(place, 'new_a.bin'), time, time);
    return transfer({ policy }, place);
  }

  test.each<[Policy, number]>([
    ['overwrite', newer],
    ['update', older],
  ])('by %s is replaced', async (policy, time) => {
    const one = await onto(policy, time);
    expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
    expect(await one.sent).toMatchObject({ kind: 'stored', as: 'new_a.bin' });
    expect((await readFile(join(one.place, 'new_a.bin'))).equals(content)).toBe(true);
    expect(await visible(one.place)).toEqual(['new_a.bin']);
  });

  test.each<[Policy, number]>([
    ['skip', older],
    ['update', newer],
    ['update', 1000],
  ])('by %s stays as it is', async (policy, time) => {
    const one = await onto(policy, time);
    expect(await one.received).toEqual({ kind: 'skipped', as: 'new_a.bin' });
    expect(await one.sent).toEqual({ kind: 'skipped', as: 'new_a.bin' });
    expect(await readFile(join(one.place, 'new_a.bin'), 'utf8')).toBe('before');
    expect(one.travelled).toEqual([]);
  });

  test.each<Policy>(['number', 'overwrite', 'skip', 'update'])(
    'or not, %s takes what has no name yet',
    async (policy) => {
      const one = await transfer({ policy });
      expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
    },
  );

  test('by overwrite is not looked for under a number', async () => {
    const place = await temporaryFolder();
    await writeFile(join(place, 'new_a (2).bin'), content);
    const one = await transfer({ policy: 'overwrite' }, place);
    expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
  });

  test('by a folder is not replaced, and that is said before a byte moves', async () => {
    const place = await temporaryFolder();
    await mkdir(join(place, 'new_a.bin'));
    const one = await transfer({ policy: 'overwrite' }, place);
    expect(await one.sent).toMatchObject({ kind: 'failed', error: { code: 'is-folder' } });
    expect(one.travelled).toEqual([]);
  });
});

describe('a transfer that was cut', () => {
  const long = randomBytes(20 * chunkSize + 7);
  const last = 20;
  const all = Array.from({ length: last + 1 }, (_, chunk) => chunk);

  /** Sends until some chunks have landed, then cuts the connection; gives what has landed. */
  async function cut(from?: string): Promise<{ from: string; place: string; landed: number[] }> {
    const folder = from ?? (await temporaryFolder());
    const one = await transfer({
      from: folder,
      bytes: long,
      onReceived: ({ phase, bytes }) => {
        if (phase === 'sending' && bytes >= 9 * chunkSize) {
          one.ends[0].close(new SharingError('connection-lost', 'cut'));
        }
      },
    });
    await expect(one.received).rejects.toMatchObject({ code: 'connection-lost' });
    await expect(one.sent).rejects.toMatchObject({ code: 'connection-lost' });
    expect(await visible(one.place)).toEqual([]);
    const slots = (await readFile(await kept(one.place, 'journal'))).subarray(4096);
    const landed = all.filter((chunk) =>
      slots.subarray(chunk * 32, (chunk + 1) * 32).some((byte) => byte !== 0),
    );
    expect(landed.length).toBeGreaterThanOrEqual(9);
    return { from: folder, place: one.place, landed };
  }

  async function kept(place: string, kind: 'part' | 'journal'): Promise<string> {
    const name = (await partials(place)).find((one) => one.endsWith(`.${kind}`)) ?? '';
    return join(place, '.lanpost', name);
  }

  /** Everything went well, and just these chunks travelled. */
  async function expectArrived(
    one: Transfer,
    chunks: readonly number[],
    bytes = long,
  ): Promise<void> {
    expect(await one.sent).toMatchObject({ kind: 'stored', as: 'new_a.bin' });
    expect(await one.received).toMatchObject({ kind: 'received', as: 'new_a.bin' });
    expect((await readFile(join(one.place, 'new_a.bin'))).equals(bytes)).toBe(true);
    expect([...one.travelled].sort((a, b) => a - b)).toEqual(chunks);
    expect(await partials(one.place)).toEqual([]);
  }

  test('goes on: what has landed does not travel again', async () => {
    const { from, place, landed } = await cut();
    const progress: number[] = [];
    const onSent: OnProgress = ({ bytes }) => progress.push(bytes);
    const again = await transfer({ from, onSent }, place);
    await expectArrived(
      again,
      all.filter((chunk) => !landed.includes(chunk)),
    );
    expect(Math.min(...progress)).toBeGreaterThanOrEqual(landed.length * chunkSize);
  });

  test('a bit that flipped in the partial is noticed, and only its chunk travels again', async () => {
    const { from, place, landed } = await cut();
    const part = await open(await kept(place, 'part'), 'r+');
    const at = landed[3]! * chunkSize + 99;
    const { buffer } = await part.read(Buffer.alloc(1), 0, 1, at);
    await part.write(Buffer.from([buffer[0]! ^ 4]), 0, 1, at);
    await part.close();
    const progress: number[] = [];
    const onSent: OnProgress = ({ bytes }) => progress.push(bytes);
    const again = await transfer({ from, onSent }, place);
    const missing = all.filter((chunk) => !landed.includes(chunk) || chunk === landed[3]);
    await expectArrived(again, missing);
    expect(Math.max(...progress)).toBe(long.length);
  });

  test('a torn journal costs the chunks that it has lost', async () => {
    const { from, place } = await cut();
    await truncate(await kept(place, 'journal'), 4096 + 2 * 32 + 5);
    const again = await transfer({ from }, place);
    await expectArrived(again, all.slice(2));
  });

  test.each<[string, (journal: string, part: string) => Promise<unknown>]>([
    ['a journal whose header is damaged', (journal) => writeFile(journal, 'lanpost journal 1\n{')],
    ['a journal of a later version', (journal) => writeAt(journal, 16, '2')],
    ['a lost journal', (journal) => rm(journal)],
    ['a lost partial', (_, part) => rm(part)],
    ['an emptied partial', (_, part) => truncate(part, 0)],
    ['a partial with a second name', (_, part) => link(part, `${part}.other`)],
  ])('%s costs all of it, and harms nothing', async (_, harm) => {
    const { from, place } = await cut();
    await harm(await kept(place, 'journal'), await kept(place, 'part'));
    const again = await transfer({ from }, place);
    const received = await again.received;
    expect(received.kind === 'failed' ? received.error : received.kind).toBe('received');
    expect((await readFile(join(place, 'new_a.bin'))).equals(long)).toBe(true);
    expect([...again.travelled].sort((a, b) => a - b)).toEqual(all);
  });

  test('and whose source has changed since sends only what differs', async () => {
    const { from, place, landed } = await cut();
    const bytes = Buffer.from(long);
    bytes[landed[2]! * chunkSize + 5]! ^= 1;
    const again = await transfer({ from, bytes, changed: 2000 }, place);
    const missing = all.filter((chunk) => !landed.includes(chunk) || chunk === landed[2]);
    await expectArrived(again, missing, bytes);
  });

  test('and then cut again goes on from there, with the new source', async () => {
    const { from, place, landed } = await cut();
    const bytes = Buffer.from(long);
    bytes[landed[2]! * chunkSize + 5]! ^= 1;
    const second = await transfer(
      {
        from,
        bytes,
        changed: 2000,
        onReceived: ({ phase, bytes: here }) => {
          if (phase === 'sending' && here >= (landed.length + 2) * chunkSize) {
            second.ends[0].close(new SharingError('connection-lost', 'cut'));
          }
        },
      },
      place,
    );
    await expect(second.received).rejects.toMatchObject({ code: 'connection-lost' });
    const third = await transfer({ from }, place);
    expect(await third.received).toMatchObject({ kind: 'received' });
    expect((await readFile(join(place, 'new_a.bin'))).equals(bytes)).toBe(true);
    expect(third.travelled.length).toBeLessThan(all.length - landed.length);
  });

  test('and is held by another receiver at this moment is left to it', async () => {
    const { from, place } = await cut();
    const both = await Promise.all([transfer({ from }, place), transfer({ from }, place)]);
    const names: string[] = [];
    for (const { received } of both) {
      const outcome = await received;
      if (outcome.kind === 'failed') throw outcome.error;
      names.push(outcome.as);
      expect((await readFile(join(place, outcome.as))).equals(long)).toBe(true);
    }
    expect(new Set(names).size).toBe(2);
    expect(await partials(place)).toEqual([]);
  });

  /** Everything has landed, but a chunk of it is not good any more. */
  async function spoilt(): Promise<{ from: string; place: string }> {
    const from = await temporaryFolder();
    const one = await transfer({
      from,
      bytes: long,
      onReceived: ({ phase }) => {
        if (phase === 'saving') one.receiving.cancel();
      },
    });
    await one.received;
    await one.sent;
    await writeAt(await kept(one.place, 'part'), last * chunkSize, 'x');
    return { from, place: one.place };
  }

  test('ends when nobody is there to send again what is found to be spoilt', async () => {
    const { from, place } = await spoilt();
    const again = await transfer(
      {
        from,
        onReceived: ({ bytes }) => {
          if (bytes >= chunkSize) again.ends[0].close(new SharingError('connection-lost', 'cut'));
        },
      },
      place,
    );
    await again.received.catch(() => undefined);
    await again.sent.catch(() => undefined);
    expect(await visible(place)).toEqual([]);
    const third = await transfer({ from }, place);
    await expectArrived(third, [last]);
  });

  test('ends at once when it is taken back while what lies there is looked at', async () => {
    const { from, place } = await spoilt();
    const again = await transfer(
      {
        from,
        onReceived: ({ bytes }) => {
          if (bytes >= chunkSize) again.sending.cancel();
        },
      },
      place,
    );
    expect(await again.received).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(await again.sent).toMatchObject({ kind: 'failed', error: { code: 'cancelled' } });
    expect(again.ends.map(({ signal }) => signal.aborted)).toEqual([false, false]);
  });

  test('just before the end needs no byte more', async () => {
    const from = await temporaryFolder();
    const one = await transfer({
      from,
      bytes: long,
      onReceived: ({ phase }) => {
        if (phase === 'saving') one.receiving.cancel();
      },
    });
    await one.received;
    await one.sent;
    const again = await transfer({ from }, one.place);
    await expectArrived(again, []);
  });
});

async function writeAt(path: string, at: number, text: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(text, at);
  await file.close();
}

/** A file on its way to a receiver that is the test. */
async function sendingOf(
  bytes: Buffer,
  wrap: (source: Source) => Source = (source) => source,
): Promise<{ sender: Connection; receiver: Connection; sending: Sending }> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.bin'), bytes);
  const share = await openShare(folder, Buffer.alloc(32));
  const source = wrap(await share.open(safePath('a.bin')));
  const silence = { heartbeat: 15_000, idle: 35_000 };
  const [near, far] = socketPair();
  const [sender, receiver] = [speak(near, silence), speak(far, silence)];
  const table = listenAs(sender, 'sending');
  const common = { id: 1, file: 0, algorithm: 'blake3', stallTime: 20_000 } as const;
  const options = { ...common, source, maySkip: false };
  const sending = startSending(roadOver(sender), options);
  table.sending.set(1, sending);
  onTestFinished(async () => {
    for (const one of [receiver, sender]) await one[Symbol.asyncDispose]();
    await Promise.allSettled([sending.outcome]);
    await share[Symbol.asyncDispose]();
  });
  return { sender, receiver, sending };
}

test('a receipt is over what the receiver had already, too', async () => {
  const bytes = Buffer.concat([Buffer.alloc(chunkSize, 1), Buffer.alloc(chunkSize, 2)]);
  const { receiver, sending } = await sendingOf(bytes);
  const slots = [1, 2].map((fill) => digestOf('blake3', Buffer.alloc(chunkSize, fill)));
  const digest = fileDigest('blake3', bytes.length, Buffer.concat(slots));
  const chunks: number[] = [];
  receiver.receive((incoming) => {
    if (incoming.t === 'chunk') {
      chunks.push(incoming.chunk);
      receiver.send({ t: 'got', id: 1, file: 0, chunk: incoming.chunk });
    }
    if (incoming.t === 'end') {
      const [size, text] = [bytes.length, digestText('blake3', digest)];
      receiver.send({ t: 'receipt', id: 1, file: 0, as: 'new_a.bin', size, digest: text });
    }
    return undefined;
  });
  receiver.send({
    t: 'want',
    id: 1,
    files: [{ want: 'ranges', file: 0, ranges: [[1, 2]] }],
    more: false,
  });
  expect(await sending.outcome).toMatchObject({ kind: 'stored', as: 'new_a.bin' });
  expect(chunks).toEqual([1]);
});

test('a file that the receiver skips, and was not to skip, has failed', async () => {
  const { receiver, sending } = await sendingOf(Buffer.from('content'));
  receiver.receive(() => undefined);
  const files: Want[] = [{ want: 'nothing', file: 0, reason: 'skipped', as: 'a.bin' }];
  receiver.send({ t: 'want', id: 1, files, more: false });
  expect(await sending.outcome).toMatchObject({ kind: 'failed', error: { code: 'protocol' } });
});

test('a receipt that cannot be compared, for the source has changed since, is a failure of the file', async () => {
  const bytes = Buffer.alloc(2 * chunkSize, 1);
  const { receiver, sending } = await sendingOf(bytes, (source) => ({
    ...source,
    read(into, position) {
      if (position > 0) return source.read(into, position);
      return Promise.reject(new SharingError('changed', 'it was written to'));
    },
  }));
  receiver.receive((incoming) => {
    if (incoming.t === 'chunk') receiver.send({ t: 'got', id: 1, file: 0, chunk: incoming.chunk });
    if (incoming.t === 'end') {
      const digest = digestText('blake3', Buffer.alloc(32));
      receiver.send({ t: 'receipt', id: 1, file: 0, as: 'a', size: bytes.length, digest });
    }
    return undefined;
  });
  const files = [{ want: 'ranges', file: 0, ranges: [[1, 2]] } satisfies Want];
  receiver.send({ t: 'want', id: 1, files, more: false });
  expect(await sending.outcome).toMatchObject({ kind: 'failed', error: { code: 'changed' } });
});

test('a receipt counts though the receiver hangs up right after it', async () => {
  const { sender, receiver, sending } = await sendingOf(Buffer.from('content'));
  const digest = digestText('blake3', digestOf('blake3', Buffer.from('content')));
  receiver.receive((incoming) => {
    if (incoming.t !== 'end') return undefined;
    // Both come in one go.
    sending.tell({ t: 'got', id: 1, file: 0, chunk: 0 });
    sending.tell({ t: 'receipt', id: 1, file: 0, as: 'new_a.bin', size: 7, digest });
    sender.close(new SharingError('connection-lost', 'it has hung up'));
    return undefined;
  });
  receiver.send({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
  await expect(sending.outcome).resolves.toMatchObject({ kind: 'stored', as: 'new_a.bin' });
});

test('a connection that ends while the source is looked at for the last time lets go of it', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'a.bin'), 'content');
  await using share = await openShare(folder, Buffer.alloc(32));
  const source = await share.open(safePath('a.bin'));
  const silence = { heartbeat: 15_000, idle: 35_000 };
  const [near, far] = socketPair();
  const [nearLane, farLane] = socketPair();
  await using sender = speak(near, silence);
  await using receiver = speak(far, silence);
  await using lane = speak(nearLane, silence);
  await using laneEnd = speak(farLane, silence);
  laneEnd.receive(() => undefined);
  receiver.receive(() => undefined);
  const table = listenAs(sender, 'sending');
  const road = roadOver(sender);
  road.attach(lane);
  let released = false;
  const sending = startSending(road, {
    id: 1,
    file: 0,
    algorithm: 'blake3',
    stallTime: 20_000,
    maySkip: false,
    source: {
      ...source,
      check() {
        sender.close(new SharingError('connection-lost', 'cut'));
        return Promise.resolve();
      },
      async [Symbol.asyncDispose]() {
        released = true;
        await source[Symbol.asyncDispose]();
      },
    },
  });
  table.sending.set(1, sending);
  receiver.send({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
  await expect(sending.outcome).rejects.toMatchObject({ code: 'connection-lost' });
  expect(released).toBe(true);
});

/** A folder whose names are found only after a while, so that much can happen before. */
function slow(folder: LandingArea['folder']): LandingArea['folder'] {
  return {
    ...folder,
    at: async (name) => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      return folder.at(name);
    },
  };
}

describe('a chunk that comes over two connections at once', () => {
  const header = { id: 1, file: 0, chunk: 1, length: chunkSize } as const;
  const bytes = Buffer.alloc(chunkSize, 5);
  const half = chunkSize / 2;

  /** A receiver whose sender is the test, and that wants all. */
  async function receivingAll(): Promise<{ receiving: Receiving; landed: () => number[] }> {
    const target = await openFolder(await temporaryFolder());
    const area = await openLandingArea(target);
    const [near, far] = socketPair();
    const silence = { heartbeat: 15_000, idle: 35_000 };
    const [receiver, sender] = [speak(near, silence), speak(far, silence)];
    const said: Incoming[] = [];
    sender.receive((incoming) => {
      said.push(incoming);
      return undefined;
    });
    const receiving = startReceiving(receiver, {
      id: 1,
      file: 0,
      algorithm: 'blake3',
      stallTime: 20_000,
      area: () => Promise.resolve(area),
      room,
      name: safeName('new_a.bin'),
      policy: 'number',
      size: 2 * chunkSize,
      mtime: 0,
      tag: 'a'.repeat(32),
      peer: 'PEER',
    });
    receiving.outcome.catch(() => undefined);
    onTestFinished(async () => {
      for (const one of [receiver, sender]) await one[Symbol.asyncDispose]();
      await Promise.allSettled([receiving.outcome]);
      for (const one of [area, target]) await one[Symbol.asyncDispose]();
    });
    await expect.poll(() => said.some(({ t }) => t === 'want')).toBe(true);
    const landed = (): number[] =>
      said.flatMap((one) => (one.t === 'got' ? [...chunksGot(one)] : []));
    return { receiving, landed };
  }

  const opening = { ...header, digest: digestOf('blake3', bytes) };

  // The last bytes of a lane that its sender has given up may still be under way.
  test("counts as it comes over the session's own, though a late lane brings it too", async () => {
    const { receiving, landed } = await receivingAll();
    const own = receiving.intake();
    const lane = receiving.intake(() => undefined);
    await own.chunk(opening);
    own.data(bytes.subarray(0, half));
    await lane.chunk(opening);
    lane.data(bytes.subarray(0, half));
    lane.lost();
    own.data(bytes.subarray(half));
    await expect.poll(landed).toEqual([1]);
  });

  test("counts as it comes over the session's own, though a lane began it, which ends", async () => {
    const { receiving, landed } = await receivingAll();
    const own = receiving.intake();
    let ended = false;
    const lane = receiving.intake(() => {
      ended = true;
    });
    await lane.chunk(opening);
    lane.data(bytes.subarray(0, half));
    await own.chunk(opening);
    expect(ended).toBe(true);
    lane.data(bytes.subarray(half));
    own.data(bytes);
    await expect.poll(landed).toEqual([1]);
  });

  test('counts as it comes over the later of two lanes, and the other one ends', async () => {
    const { receiving, landed } = await receivingAll();
    const ended: string[] = [];
    const [first, second] = ['first', 'second'].map((name) =>
      receiving.intake(() => ended.push(name)),
    );
    await first!.chunk(opening);
    await second!.chunk(opening);
    expect(ended).toEqual(['first']);
    first!.lost();
    second!.data(bytes);
    await expect.poll(landed).toEqual([1]);
  });
});
