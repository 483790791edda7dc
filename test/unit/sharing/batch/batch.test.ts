import { roadOver } from '#sharing/transport/lane.js';
import { maxOpenRows } from '#sharing/session/batch-sending.js';
import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { digestOf, digestText, fileDigest } from '#sharing/storage/digest.js';
import { folderCache, type FolderCache } from '#sharing/storage/folder-cache.js';
import { openFolder } from '#sharing/storage/folder.js';
import { safeName } from '#sharing/storage/path.js';
import { entrySize, openRoom, type Room } from '#sharing/storage/room.js';
import type { ReceivedOne } from '#sharing/batch/last-words.js';
import { startBatchReceiving, type BatchReceiveOptions } from '#sharing/batch/receive.js';
import { startBatchSending, type SentOne } from '#sharing/batch/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { Message, MessageOf, Policy } from '#sharing/wire/message.js';
import type { OfferRow } from '#sharing/wire/rows.js';
import { SharingError } from '#sharing/errors.js';
import { pbkdf2 } from 'node:crypto';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

/** One end of a connection whose other end is the test. */
function handDriven(): {
  connection: Connection;
  said: Message[];
  /** Resolves when this was said. */
  heard: <T extends Message['t']>(kind: T) => Promise<MessageOf<T>>;
  chunks: () => number;
  close: () => void;
} {
  const ending = new AbortController();
  const said: Message[] = [];
  let chunks = 0;
  const connection: Partial<Connection> = {
    signal: ending.signal,
    listening: () => true,
    drained: () => Promise.resolve(),
    send: (message) => said.push(message),
    close: (error) => {
      ending.abort(error);
    },
    sendChunk: () => {
      chunks += 1;
      return Promise.resolve();
    },
  };
  async function heard<T extends Message['t']>(kind: T): Promise<MessageOf<T>> {
    for (;;) {
      const found = said.find((one): one is MessageOf<T> => one.t === kind);
      if (found) return found;
      await turn();
    }
  }
  return {
    connection: connection as Connection,
    said,
    heard,
    chunks: () => chunks,
    close: () => {
      ending.abort(new SharingError('connection-lost', 'the test is over'));
    },
  };
}

/** A disk that takes a while: whatever waits for a thread of the pool waits for this. */
function keepDiskBusy(): Promise<unknown> {
  const derive = promisify(pbkdf2);
  const works = Array.from({ length: 4 }, () => derive('x', 'y', 50_000, 32, 'sha256'));
  return Promise.all(works);
}

const common = { id: 1, algorithm: 'blake3', stallTime: 20_000 } as const;
const large = 'a'.repeat(32);

interface Wish extends Partial<Pick<BatchReceiveOptions, 'room' | 'stallTime'>> {
  readonly more?: boolean;
  /** The folder is found only then. */
  readonly reached?: Promise<void>;
  /** Where it lands, in place of a folder of its own, and what it sees there. */
  readonly place?: string;
  readonly wrap?: (area: LandingArea) => LandingArea;
}

/** A batch on its way in, whose sender is the test; these rows are its first page. */
async function receivingBatch(
  rows: OfferRow[],
  { more = false, reached = Promise.resolve(), place, wrap = (area) => area, ...wish }: Wish = {},
) {
  const target = await openFolder(place ?? (await temporaryFolder()));
  const area = await openLandingArea(target);
  const { connection, said, heard, close } = handDriven();
  const first: MessageOf<'offer'> = { t: 'offer', id: 1, files: rows, more, batch: true };
  const ends: ReceivedOne[] = [];
  const receiving = startBatchReceiving(connection, first, {
    ...common,
    area: () => reached.then(() => wrap(area)),
    room: openRoom({ keepFree: 0, maxFileSize: 2 ** 30 }),
    nameOf: (offered) => offered,
    policy: 'number',
    peer: 'PEER',
    onEnd: (one) => ends.push(one),
    ...wish,
  });
  receiving.outcome.catch(() => undefined);
  onTestFinished(async () => {
    close();
    await Promise.allSettled([receiving.outcome]);
    await area[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });
  const intake = receiving.intake();
  /** The bytes of a small file come. */
  async function bring(file: number, bytes: Buffer): Promise<void> {
    const digest = digestOf('blake3', bytes);
    await intake.chunk({ id: 1, file, chunk: 0, length: bytes.length, digest });
    intake.data(bytes);
  }
  return { receiving, said, heard, ends, bring, close };
}

interface SendWish {
  readonly policy?: Policy;
  readonly wrap?: (own: FolderCache) => FolderCache;
  /** Folders beside it. */
  readonly more?: readonly string[];
}

/** A batch of this one file on its way out, whose receiver is the test; `wrap` stands before its folders. */
async function sendingBatch(
  path: string,
  bytes: Buffer,
  { policy, wrap = (own) => own, more = [] }: SendWish = {},
) {
  const place = await temporaryFolder();
  for (const one of [dirname(path), ...more]) await mkdir(join(place, one), { recursive: true });
  await writeFile(join(place, path), bytes);
  await utimes(join(place, path), 1000, 1000);
  const root = await openFolder(place);
  const own = folderCache(root);
  const folders = wrap(own);
  const name = safeName(path.split('/')[0] ?? '');
  const { connection, said, heard, chunks, close } = handDriven();
  const ends: SentOne[] = [];
  const sending = startBatchSending(roadOver(connection), {
    ...common,
    tops: [{ name, folders, at: [name] }],
    tagKey: Buffer.alloc(32),
    wish: policy ? { policy } : {},
    decides: true,
    left: { links: 0, hidden: 0 },
    onEnd: (one) => ends.push(one),
  });
  sending.outcome.catch(() => undefined);
  onTestFinished(async () => {
    close();
    await Promise.allSettled([sending.outcome]);
    await folders[Symbol.asyncDispose]();
    await root[Symbol.asyncDispose]();
  });
  return { sending, said, heard, chunks, close, ends, place };
}

/** Files that are wanted by now, in one message or in several. */
function wantedIn(said: readonly Message[]): number {
  const wants = said.filter((one) => one.t === 'want');
  const whole = wants
    .flatMap(({ all = [] }) => all)
    .reduce((sum, [from, to]) => sum + to - from, 0);
  return whole + wants.flatMap(({ files }) => files).length;
}

describe('a batch with a peer that is quicker than our disk', () => {
  // The receiver has the last word on a large file that it gave up as soon as it has our end: whether our source
  // is closed by then is nothing that it could know.
  test('takes the last word on a large file while its source is being closed', async () => {
    const { sending, heard, chunks } = await sendingBatch('large', Buffer.alloc(2 * chunkSize, 1));
    await heard('offer');
    sending.tell({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], judged: 1, more: false });
    await expect.poll(chunks, { interval: 1 }).toBeGreaterThan(0);
    sending.tell({ t: 'fail', id: 1, file: 0, code: 'write-failed', message: '' });
    const busy = keepDiskBusy();
    onTestFinished(() => busy.then(() => undefined));
    await heard('end');
    sending.tell({ t: 'finished', id: 1 });
    await expect(sending.outcome).resolves.toBeUndefined();
  });

  test('its last word counts though it hangs up right after it', async () => {
    const { sending, heard, close } = await sendingBatch('small', Buffer.from('x'), {
      policy: 'skip',
    });
    await heard('offer');
    // It waits for what the receiver says.
    await turn();
    const skipped = { want: 'nothing', file: 0, reason: 'skipped', as: 'small' } as const;
    sending.tell({ t: 'want', id: 1, files: [skipped], judged: 1, more: false });
    sending.tell({ t: 'finished', id: 1 });
    close();
    await expect(sending.outcome).resolves.toBeUndefined();
  });

  test('its last word counts though it hangs up right after it, while a large file is put away', async () => {
    const bytes = Buffer.alloc(2 * chunkSize, 1);
    const { sending, heard, chunks, close, ends } = await sendingBatch('a/large', bytes);
    await heard('offer');
    const [id, file, size, as] = [1, 1, bytes.length, 'large'];
    sending.tell({ t: 'want', id, files: [{ want: 'all', file }], judged: 2, more: false });
    await expect.poll(chunks, { interval: 1 }).toBe(2);
    sending.tell({ t: 'got', id, file, chunk: 0, also: [1] });
    await heard('end');
    const one = digestOf('blake3', bytes.subarray(chunkSize));
    const digest = digestText('blake3', fileDigest('blake3', size, Buffer.concat([one, one])));
    // All of it comes in one go.
    sending.tell({ t: 'receipt', id, file, as, size, digest });
    sending.tell({ t: 'placed', id, file: 0, as: 'a' });
    sending.tell({ t: 'finished', id });
    close();
    await expect(sending.outcome).resolves.toBeUndefined();
    expect(ends).toMatchObject([
      { kind: 'file', path: 'a/large', outcome: { kind: 'stored' } },
      { kind: 'folder', path: 'a' },
    ]);
  });

  /** 2000 rows, of which three are large: two of them are under way, and the third one keeps the rest waiting. */
  async function receivingFull() {
    const rows: OfferRow[] = Array.from({ length: maxOpenRows }, (_, at) =>
      at < 3 ? [`${at}`, chunkSize + 1, 0, large] : [`${at}`, 1, 0],
    );
    const { receiving, said, heard } = await receivingBatch(rows, { more: true });
    const wanted = (file: number) =>
      said.some((one) => one.t === 'want' && one.files.some((want) => want.file === file));
    await expect.poll(() => wanted(0) && wanted(1), { interval: 1 }).toBe(true);
    return { receiving, said, heard };
  }

  const oneMore: MessageOf<'offer'> = {
    t: 'offer',
    id: 1,
    files: [['one more', 1, 0]],
    more: true,
    batch: true,
  };

  test('takes the row that the receipt of a large file makes place for', async () => {
    const { receiving, said, heard } = await receivingFull();
    const intake = receiving.intake();
    for (const [chunk, length] of [chunkSize, 1].entries()) {
      const bytes = Buffer.alloc(length);
      const digest = digestOf('blake3', bytes);
      await intake.chunk({ id: 1, file: 0, chunk, length, digest });
      intake.data(bytes);
    }
    await expect.poll(() => said.filter(({ t }) => t === 'got').length, { interval: 1 }).toBe(2);
    await receiving.tell({ t: 'end', id: 1, file: 0 });
    await heard('receipt');
    // As the sender counts, two of 2000 rows are judged, and one is over.
    expect(() => receiving.tell(oneMore)).not.toThrow();
  });

  // A sender that has taken a file back has one row less that is not over, and may say so with its next breath: what
  // we still have to put away is our own affair.
  test('takes the row that a large file makes place for which was taken back', async () => {
    const { receiving } = await receivingFull();
    const fail = { t: 'fail', id: 1, file: 0, code: 'changed', message: '' } as const;
    await receiving.tell(fail);
    expect(() => receiving.tell(oneMore)).not.toThrow();
  });
});

describe('a batch whose sender takes a small file back after it was sent', () => {
  // What has come cannot be taken back: its receipt may be on its way.
  test('is a breach', async () => {
    const { receiving, said, ends, bring } = await receivingBatch([
      ['a', 0],
      ['a/x', 1, 0],
      ['a/y', 1, 0],
    ]);
    const told = (): string[] => ends.map(({ kind, path }) => `${kind} ${path}`);
    await expect.poll(() => wantedIn(said), { interval: 1 }).toBe(2);
    const bytes = Buffer.alloc(1);
    await bring(1, bytes);
    expect(() =>
      receiving.tell({ t: 'fail', id: 1, file: 1, code: 'changed', message: '' }),
    ).toThrow(expect.objectContaining({ code: 'protocol' }) as Error);
    await expect.poll(told, { interval: 1 }).toEqual(['file a/x']);
    await bring(2, bytes);
    await receiving.outcome;
    expect(told()).toEqual(['file a/x', 'file a/y', 'folder a']);
  });
});

describe('a batch whose receiver cannot ask its disk', () => {
  test('refuses the folder and its files as what cannot be written, and is no fault', async () => {
    const honest = openRoom({ keepFree: 0, maxFileSize: 2 ** 30 });
    let asked = 0;
    const { receiving, ends } = await receivingBatch(
      [
        ['a', 0],
        ['a/sub', 0],
        ['a/sub/x', 1, 0],
      ],
      {
        room: {
          ...honest,
          // The folder at the top can still be made.
          reserve(at, bytes) {
            asked += 1;
            const eio = Object.assign(new Error('EIO'), { code: 'EIO' });
            return asked === 1 ? honest.reserve(at, bytes) : Promise.reject(eio);
          },
        },
      },
    );
    await receiving.outcome;
    const failed = { code: 'write-failed' };
    expect(ends).toMatchObject([
      { kind: 'problem', path: 'a/sub', error: failed },
      { kind: 'file', path: 'a/sub/x', outcome: { kind: 'failed', error: failed } },
      { kind: 'folder', path: 'a' },
    ]);
  });
});

describe('a batch whose large file is taken back while its chunks are on a lane', () => {
  // Whatever the reason, it is the sender's: it says nothing of our disk.
  test.each(['changed', 'folder-gone'])('as %s reads them past, and goes on', async (code) => {
    const rows: OfferRow[] = [['large', 3 * chunkSize, 0, large]];
    const { receiving, said, ends } = await receivingBatch(rows, { more: true });
    await expect.poll(() => wantedIn(said), { interval: 1 }).toBe(1);
    const intake = receiving.intake();
    const bytes = Buffer.alloc(chunkSize, 1);
    const header = { id: 1, file: 0, length: chunkSize, digest: digestOf('blake3', bytes) };
    await intake.chunk({ ...header, chunk: 0 });
    intake.data(bytes.subarray(1000));
    void receiving.tell({ t: 'fail', id: 1, file: 0, code, message: '' });
    await intake.chunk({ ...header, chunk: 1 });
    await expect.poll(() => ends).toMatchObject([{ kind: 'file', outcome: { kind: 'failed' } }]);
    await intake.chunk({ ...header, chunk: 2 });
    intake.data(bytes);
    await receiving.tell({ t: 'offer', id: 1, files: [['empty', 0, 0]], more: false, batch: true });
    await expect(receiving.outcome).resolves.toEqual({ links: 0, hidden: 0 });
    expect(said.at(-1)).toMatchObject({ t: 'finished' });
  });
});

describe('a batch that is given up while its disk is asked', () => {
  test.each<[string, OfferRow]>([
    ['a large file', ['large', chunkSize + 1, 0, large]],
    ['a folder', ['folder', 0]],
  ])('about %s ends with the last word of its sender', async (_, row) => {
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const { receiving, said, heard, ends } = await receivingBatch([row], { reached });
    const ended = receiving.outcome.catch((error: unknown) => error);
    receiving.cancel();
    await heard('stop');
    await receiving.tell({ t: 'stop', id: 1, code: 'cancelled', message: '' });
    reach();
    const late = expect.poll(() => settled(ended), { timeout: 2000 });
    await late.toMatchObject({ code: 'cancelled' });
    // What it took with it is not told one by one.
    expect(said.map(({ t }) => t)).toEqual(['stop']);
    expect(ends).toEqual([]);
  });
});

describe('a batch whose disk is full', () => {
  test('when what came is brought to it ends as a whole', async () => {
    const { receiving, said, heard, bring } = await receivingBatch([['a', 3, 0]], {
      more: true,
      wrap: (area) => ({
        ...area,
        target: {
          ...area.target,
          sync: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
        },
      }),
    });
    await expect.poll(() => wantedIn(said), { interval: 1 }).toBe(1);
    await bring(0, Buffer.from('abc'));
    expect(await heard('stop')).toMatchObject({ code: 'no-room' });
    await receiving.tell({ t: 'stop', id: 1, code: 'no-room', message: '' });
    await expect(receiving.outcome).rejects.toMatchObject({ code: 'no-room' });
  });
});

describe('a batch that goes on', () => {
  const rows: OfferRow[] = [
    ['a', 0],
    ['a/x', 3, 0],
  ];
  const bytes = Buffer.from('abc');

  test('counts what came at an earlier time as received, and not as travelled', async () => {
    const place = await temporaryFolder();
    const first = await receivingBatch(rows, { place, more: true });
    await expect.poll(() => wantedIn(first.said), { interval: 1 }).toBe(1);
    await first.bring(1, bytes);
    await first.heard('receipts');
    expect(first.ends).toMatchObject([{ kind: 'file', size: 3, travelled: true }]);
    first.close();
    await Promise.allSettled([first.receiving.outcome]);
    const second = await receivingBatch(rows, { place });
    await expect.poll(() => wantedIn(second.said), { interval: 1 }).toBe(1);
    const digests = digestOf('blake3', bytes);
    await second.receiving.tell({ t: 'digests', id: 1, file: 1, first: 0, digests });
    await second.receiving.outcome;
    expect(second.ends).toMatchObject([
      { kind: 'file', outcome: { kind: 'received' }, size: 3, travelled: false },
      { kind: 'folder', as: 'a' },
    ]);
  });
});

describe('the folders of a batch', () => {
  /** A room that counts what was written. */
  function counting(): { room: Room; count: { written: number; aside: number } } {
    const honest = openRoom({ keepFree: 0, maxFileSize: 2 ** 30 });
    const count = { written: 0, aside: 0 };
    const room: Room = {
      ...honest,
      async reserve(at, bytes) {
        const reservation = await honest.reserve(at, bytes);
        count.aside += bytes;
        return {
          ...reservation,
          written(amount) {
            count.written += amount;
            count.aside -= amount;
          },
          spare(amount) {
            count.aside -= amount;
          },
        };
      },
    };
    return { room, count };
  }

  test('count each where it is new, and where it is not or cannot be made not at all', async () => {
    const place = await temporaryFolder();
    await mkdir(join(place, 'a'));
    await mkdir(join(place, 'a', 'here'));
    await writeFile(join(place, 'a', 'file'), '');
    const { room, count } = counting();
    const rows: OfferRow[] = ['a', 'a/here', 'a/new', 'a/file', 'b'].map((path) => [path, 0]);
    const { receiving, ends } = await receivingBatch(rows, { place, room });
    await receiving.outcome;
    expect(ends.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'problem a/file',
      'folder a',
      'folder b',
    ]);
    expect(count).toEqual({ written: 2 * entrySize, aside: 0 });
  });
});

describe('a batch that cannot look at a folder', () => {
  test('tells the receiver of the one it lies in, whatever came before', async () => {
    let looks = 0;
    const { said, heard, ends } = await sendingBatch('a/x/file', Buffer.from('x'), {
      wrap: (own) => ({
        ...own,
        take(path) {
          if (path.length === 1) looks += 1;
          // Before it is offered, when it is listed, for the first folder in it, and for the second.
          if (looks === 4) throw new SharingError('read-failed', 'EIO');
          return own.take(path);
        },
      }),
      more: ['a/y'],
    });
    await heard('fail');
    const offered = said.flatMap((one) => (one.t === 'offer' ? one.files : []));
    expect(offered.map(([path]) => path).slice(0, 2)).toEqual(['a', expect.stringMatching(/a\/./)]);
    expect(said.filter(({ t }) => t === 'fail')).toMatchObject([{ file: 0, code: 'read-failed' }]);
    expect(ends).toMatchObject([{ kind: 'problem', isOurs: true }]);
  });
});

describe('a batch whose file cannot be read when it is wanted', () => {
  test.each([
    ['small', 1],
    ['large', 2 * chunkSize],
  ])('says that this is so here: %s', async (_, size) => {
    const { sending, said, heard, ends, place } = await sendingBatch('a', Buffer.alloc(size));
    await heard('offer');
    await rm(join(place, 'a'));
    const want = { want: 'all', file: 0 } as const;
    sending.tell({ t: 'want', id: 1, files: [want], judged: 1, more: false });
    await heard('fail');
    expect(said.filter(({ t }) => t === 'fail')).toMatchObject([{ file: 0, code: 'not-found' }]);
    expect(ends).toMatchObject([
      { kind: 'file', outcome: { kind: 'failed', error: { facts: { local: true } } } },
    ]);
  });
});

describe('a batch whose receiver says what it may not', () => {
  test('of a large file that is not open yet ends with the connection, and tells nothing twice', async () => {
    const { sending, heard, ends } = await sendingBatch('large', Buffer.alloc(2 * chunkSize, 1));
    await heard('offer');
    const want = { want: 'all', file: 0 } as const;
    sending.tell({ t: 'want', id: 1, files: [want], judged: 1, more: false });
    sending.tell({ t: 'want', id: 1, files: [want], more: false });
    await expect(sending.outcome).rejects.toMatchObject({ code: 'protocol' });
    expect(ends).toEqual([]);
  });
});

describe('a batch whose sender falls silent', () => {
  test('in the middle of the last small file has stalled', async () => {
    const { receiving, said } = await receivingBatch([['a', 3, 0]], { stallTime: 200 });
    await expect.poll(() => wantedIn(said), { interval: 1 }).toBe(1);
    const intake = receiving.intake();
    const bytes = Buffer.from('abc');
    const digest = digestOf('blake3', bytes);
    await intake.chunk({ id: 1, file: 0, chunk: 0, length: 3, digest });
    intake.data(bytes.subarray(0, 1));
    await expect(receiving.outcome).rejects.toMatchObject({ code: 'stalled' });
  });
});

/** What it has become; undefined while it is pending. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, turn(undefined)]);
}
