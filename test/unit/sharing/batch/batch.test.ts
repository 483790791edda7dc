import { roadOver } from '#sharing/transport/lane.js';
import { maxOpenRows } from '#sharing/session/batch-sending.js';
import { openLandingArea } from '#sharing/storage/area.js';
import { digestOf } from '#sharing/storage/digest.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { openFolder } from '#sharing/storage/folder.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { startBatchReceiving } from '#sharing/batch/receive.js';
import { startBatchSending } from '#sharing/batch/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { Message, MessageOf, OfferRow } from '#sharing/wire/message.js';
import { SharingError } from '#sharing/errors.js';
import { pbkdf2 } from 'node:crypto';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

describe('a batch with a peer that is quicker than our disk', () => {
  // The receiver has the last word on a large file that it gave up as soon as it has our end: whether our source
  // is closed by then is nothing that it could know.
  test('takes the last word on a large file while its source is being closed', async () => {
    const place = await temporaryFolder();
    await writeFile(join(place, 'large'), Buffer.alloc(2 * chunkSize, 1));
    await utimes(join(place, 'large'), 1000, 1000);
    const root = await openFolder(place);
    const folders = folderCache(root);
    onTestFinished(async () => {
      await folders[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    });
    const name = safeName('large');
    const { connection, heard, chunks, close } = handDriven();
    const sending = startBatchSending(roadOver(connection), {
      ...common,
      tops: [{ name, folders, at: [name] }],
      tagKey: Buffer.alloc(32),
      wish: {},
      decides: true,
      left: { links: 0, hidden: 0 },
      onEnd: () => undefined,
    });
    onTestFinished(async () => {
      close();
      await Promise.allSettled([sending.outcome]);
    });
    sending.outcome.catch(() => undefined);
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
    const place = await temporaryFolder();
    await writeFile(join(place, 'small'), 'x');
    await using root = await openFolder(place);
    await using folders = folderCache(root);
    const name = safeName('small');
    const { connection, heard, close } = handDriven();
    const sending = startBatchSending(roadOver(connection), {
      ...common,
      tops: [{ name, folders, at: [name] }],
      tagKey: Buffer.alloc(32),
      wish: { policy: 'skip' },
      decides: true,
      left: { links: 0, hidden: 0 },
      onEnd: () => undefined,
    });
    sending.outcome.catch(() => undefined);
    await heard('offer');
    // It waits for what the receiver says.
    await turn();
    const skipped = { want: 'nothing', file: 0, reason: 'skipped', as: 'small' } as const;
    sending.tell({ t: 'want', id: 1, files: [skipped], judged: 1, more: false });
    sending.tell({ t: 'finished', id: 1 });
    close();
    await expect(sending.outcome).resolves.toBeUndefined();
  });

  /** 2000 rows, of which three are large: two of them are under way, and the third one keeps the rest waiting. */
  async function receivingFull() {
    const place = await temporaryFolder();
    const target = await openFolder(place);
    const area = await openLandingArea(target);
    const { connection, said, heard, close } = handDriven();
    const tag = 'a'.repeat(32);
    const rows: OfferRow[] = Array.from({ length: maxOpenRows }, (_, at) =>
      at < 3 ? [`${at}`, chunkSize + 1, 0, tag] : [`${at}`, 1, 0],
    );
    const first: MessageOf<'offer'> = { t: 'offer', id: 1, files: rows, more: true, batch: true };
    const receiving = startBatchReceiving(connection, first, {
      ...common,
      area: () => Promise.resolve(area),
      room: openRoom({ keepFree: 0, maxFileSize: 2 ** 30 }),
      nameOf: (offered) => offered,
      policy: 'number',
      peer: 'PEER',
      onEnd: () => undefined,
    });
    receiving.outcome.catch(() => undefined);
    onTestFinished(async () => {
      close();
      await Promise.allSettled([receiving.outcome]);
      await area[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
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
    const place = await temporaryFolder();
    const target = await openFolder(place);
    const area = await openLandingArea(target);
    const { connection, said, close } = handDriven();
    const rows: OfferRow[] = [
      ['a', 0],
      ['a/x', 1, 0],
      ['a/y', 1, 0],
    ];
    const first: MessageOf<'offer'> = { t: 'offer', id: 1, files: rows, more: false, batch: true };
    const ends: string[] = [];
    const receiving = startBatchReceiving(connection, first, {
      ...common,
      area: () => Promise.resolve(area),
      room: openRoom({ keepFree: 0, maxFileSize: 2 ** 30 }),
      nameOf: (offered) => offered,
      policy: 'number',
      peer: 'PEER',
      onEnd: ({ kind, path }) => ends.push(`${kind} ${path}`),
    });
    receiving.outcome.catch(() => undefined);
    onTestFinished(async () => {
      close();
      await Promise.allSettled([receiving.outcome]);
      await area[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
    // Both are wanted, in one message or in two.
    const wanted = (): number =>
      said
        .flatMap((one) => (one.t === 'want' ? (one.all ?? []) : []))
        .reduce((sum, [from, to]) => sum + to - from, 0);
    await expect.poll(wanted, { interval: 1 }).toBe(2);
    const intake = receiving.intake();
    const bytes = Buffer.alloc(1);
    const header = { id: 1, chunk: 0, length: 1, digest: digestOf('blake3', bytes) };
    await intake.chunk({ ...header, file: 1 });
    intake.data(bytes);
    expect(() =>
      receiving.tell({ t: 'fail', id: 1, file: 1, code: 'changed', message: '' }),
    ).toThrow(expect.objectContaining({ code: 'protocol' }) as Error);
    // All that follows from it has followed when nothing is said any more.
    for (let before = -1; before < said.length;) {
      before = said.length;
      for (let turns = 0; turns < 200; turns += 1) await turn();
    }
    expect(ends).toEqual(['file a/x']);
    await intake.chunk({ ...header, file: 2 });
    intake.data(bytes);
    await receiving.outcome;
    expect(ends).toEqual(['file a/x', 'file a/y', 'folder a']);
  });
});

describe('a batch whose receiver cannot ask its disk', () => {
  test('refuses the folder and its files as what cannot be written, and is no fault', async () => {
    const place = await temporaryFolder();
    const target = await openFolder(place);
    const area = await openLandingArea(target);
    const { connection, close } = handDriven();
    const files: OfferRow[] = [
      ['a', 0],
      ['a/sub', 0],
      ['a/sub/x', 1, 0],
    ];
    const first: MessageOf<'offer'> = { t: 'offer', id: 1, files, more: false, batch: true };
    const ends: string[] = [];
    const honest = openRoom({ keepFree: 0, maxFileSize: 2 ** 30 });
    let asked = 0;
    const receiving = startBatchReceiving(connection, first, {
      ...common,
      area: () => Promise.resolve(area),
      room: {
        ...honest,
        // The folder at the top can still be made.
        reserve(at, bytes) {
          asked += 1;
          const eio = Object.assign(new Error('EIO'), { code: 'EIO' });
          return asked === 1 ? honest.reserve(at, bytes) : Promise.reject(eio);
        },
      },
      nameOf: (offered) => offered,
      policy: 'number',
      peer: 'PEER',
      onEnd(one) {
        const error = one.kind === 'problem' ? one.error : one.kind === 'file' && one.outcome;
        const code =
          error && 'code' in error ? error.code : error && 'error' in error && error.error.code;
        ends.push(`${one.kind} ${one.path} ${String(code)}`);
      },
    });
    onTestFinished(async () => {
      close();
      await Promise.allSettled([receiving.outcome]);
      await area[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
    await receiving.outcome;
    expect(ends).toEqual([
      'problem a/sub write-failed',
      'file a/sub/x write-failed',
      'folder a false',
    ]);
  });
});

describe('a batch whose large file is taken back while its chunks are on a lane', () => {
  test('reads them past, and goes on', async () => {
    const target = await openFolder(await temporaryFolder());
    const area = await openLandingArea(target);
    const { connection, said, close } = handDriven();
    const first: MessageOf<'offer'> = {
      t: 'offer',
      id: 1,
      files: [['large', 3 * chunkSize, 0, 'a'.repeat(32)]],
      more: true,
      batch: true,
    };
    const ended: unknown[] = [];
    const receiving = startBatchReceiving(connection, first, {
      ...common,
      area: () => Promise.resolve(area),
      room: openRoom({ keepFree: 0, maxFileSize: 2 ** 30 }),
      nameOf: (offered) => offered,
      policy: 'number',
      peer: 'PEER',
      onEnd: (one) => ended.push(one),
    });
    receiving.outcome.catch(() => undefined);
    onTestFinished(async () => {
      close();
      await Promise.allSettled([receiving.outcome]);
      await area[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
    const isWanted = (): boolean => said.some((one) => one.t === 'want' && one.files.length > 0);
    await expect.poll(isWanted, { interval: 1 }).toBe(true);
    const intake = receiving.intake();
    const bytes = Buffer.alloc(chunkSize, 1);
    const header = { id: 1, file: 0, length: chunkSize, digest: digestOf('blake3', bytes) };
    await intake.chunk({ ...header, chunk: 0 });
    intake.data(bytes.subarray(1000));
    void receiving.tell({ t: 'fail', id: 1, file: 0, code: 'changed', message: '' });
    await intake.chunk({ ...header, chunk: 1 });
    await expect.poll(() => ended).toMatchObject([{ kind: 'file', outcome: { kind: 'failed' } }]);
    await intake.chunk({ ...header, chunk: 2 });
    intake.data(bytes);
    await receiving.tell({ t: 'offer', id: 1, files: [['empty', 0, 0]], more: false, batch: true });
    await expect(receiving.outcome).resolves.toEqual({ links: 0, hidden: 0 });
    expect(said.at(-1)).toMatchObject({ t: 'finished' });
  });
});

describe('a batch that is given up while its disk is asked about a large file', () => {
  test('ends with the last word of its sender', async () => {
    const place = await temporaryFolder();
    const target = await openFolder(place);
    const area = await openLandingArea(target);
    const { connection, heard, close } = handDriven();
    let reached: () => void = () => undefined;
    const reaching = new Promise<void>((resolve) => (reached = resolve));
    const first: MessageOf<'offer'> = {
      t: 'offer',
      id: 1,
      files: [['large', chunkSize + 1, 0, 'a'.repeat(32)]],
      more: false,
      batch: true,
    };
    const receiving = startBatchReceiving(connection, first, {
      ...common,
      area: () => reaching.then(() => area),
      room: openRoom({ keepFree: 0, maxFileSize: 2 ** 30 }),
      nameOf: (offered) => offered,
      policy: 'number',
      peer: 'PEER',
      onEnd: () => undefined,
    });
    const ended = receiving.outcome.catch((error: unknown) => error);
    onTestFinished(async () => {
      close();
      await ended;
      await area[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
    receiving.cancel();
    await heard('stop');
    await receiving.tell({ t: 'stop', id: 1, code: 'cancelled', message: '' });
    reached();
    const late = expect.poll(() => settled(ended), { timeout: 2000 });
    await late.toMatchObject({ code: 'cancelled' });
  });
});

/** What it has become; undefined while it is pending. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, turn(undefined)]);
}
