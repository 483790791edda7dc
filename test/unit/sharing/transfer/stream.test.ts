import { SharingError } from '#sharing/errors.js';
import { digestOf, digestText, fileDigest } from '#sharing/storage/digest.js';
import { safeName } from '#sharing/storage/path.js';
import { openOutlet, type Outlet } from '#sharing/transfer/outlet.js';
import type { ReceiveOutcome } from '#sharing/transfer/receive.js';
import { startStreaming, type Streaming } from '#sharing/transfer/stream.js';
import type { Connection } from '#sharing/transport/connection.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { Message } from '#sharing/wire/message.js';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

/** A file of `count` chunks, the last one short, each with bytes of its own. */
function fileOf(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      Buffer.alloc(at === count - 1 ? 7 : chunkSize, at + 1),
    ),
  );
}

interface Stream {
  readonly receiving: Streaming;
  /** What we said to the sender. */
  readonly said: Message[];
  /** A chunk comes, with the right digest if no other is given. */
  readonly chunk: (chunk: number, digest?: Buffer) => void;
  readonly end: () => void;
  readonly lose: () => void;
  readonly outcome: Promise<ReceiveOutcome>;
}

/** A sender that says what it is told to, and a stream that listens to it. */
function stream(content: Buffer, outlet: Outlet, { tag = 'a', stallTime = 60_000 } = {}): Stream {
  const said: Message[] = [];
  const ending = new AbortController();
  const connection = {
    send: (message: Message) => said.push(message),
    close: (error: SharingError) => {
      ending.abort(error);
    },
    listening: () => true,
    signal: ending.signal,
  } as unknown as Connection;
  const size = content.length;
  const name = safeName('a.bin');
  const file = { id: 1, name, outlet, size, tag, algorithm: 'blake3', stallTime } as const;
  const receiving = startStreaming(connection, file);
  const intake = receiving.intake();
  receiving.outcome.catch(() => undefined);
  onTestFinished(() => {
    ending.abort(new SharingError('connection-lost', 'over'));
  });
  return {
    receiving,
    said,
    chunk(chunk, digest) {
      const bytes = content.subarray(chunk * chunkSize, (chunk + 1) * chunkSize);
      const { length } = bytes;
      digest ??= digestOf('blake3', bytes);
      void intake.chunk({ id: 1, file: 0, chunk, length, digest });
      intake.data(bytes.subarray(0, 3));
      intake.data(bytes.subarray(3));
    },
    end() {
      void receiving.tell({ t: 'end', id: 1, file: 0 });
    },
    lose() {
      ending.abort(new SharingError('connection-lost', 'pulled'));
    },
    outcome: receiving.outcome,
  };
}

interface Reader {
  readonly outlet: Outlet;
  /** All that it has taken. */
  readonly taken: () => Buffer;
  /** It takes no more, until it goes on. */
  readonly pause: () => void;
  readonly goOn: () => void;
}

function reader(): Reader {
  const parts: Buffer[] = [];
  let wait = Promise.resolve();
  let release = (): void => undefined;
  return {
    outlet: openOutlet(async (bytes) => {
      await wait;
      parts.push(Buffer.from(bytes));
    }),
    taken: () => Buffer.concat(parts),
    pause() {
      wait = new Promise((resolve) => {
        release = resolve;
      });
    },
    goOn() {
      release();
      wait = Promise.resolve();
    },
  };
}

/** Everything that can go on without a further word has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function digestOfAll(content: Buffer): string {
  const digests: Buffer[] = [];
  for (let at = 0; at < content.length; at += chunkSize) {
    digests.push(digestOf('blake3', content.subarray(at, at + chunkSize)));
  }
  return digestText('blake3', fileDigest('blake3', content.length, Buffer.concat(digests)));
}

const kinds = (said: readonly Message[]): string[] => said.map(({ t }) => t);

describe('a stream', () => {
  test('hands on what comes, and gives the receipt when all of it was taken', async () => {
    const content = fileOf(3);
    const { outlet, taken } = reader();
    const { chunk, end, said, outcome } = stream(content, outlet);
    await settled();
    expect(said).toEqual([{ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false }]);
    for (const one of [0, 1, 2]) chunk(one);
    end();
    const digest = digestOfAll(content);
    expect(await outcome).toEqual({ kind: 'received', as: 'a.bin', size: content.length, digest });
    expect(taken().equals(content)).toBe(true);
    expect(kinds(said)).toEqual(['want', 'got', 'got', 'got', 'receipt']);
  });

  test('of an empty file is its end alone', async () => {
    const { outlet, taken } = reader();
    const { end, outcome } = stream(Buffer.alloc(0), outlet);
    await settled();
    end();
    expect(await outcome).toMatchObject({ kind: 'received', size: 0 });
    expect(taken()).toHaveLength(0);
  });

  test('sorts chunks that come in another order', async () => {
    const content = fileOf(4);
    const { outlet, taken } = reader();
    const { chunk, end, outcome } = stream(content, outlet);
    await settled();
    for (const one of [3, 1, 2]) chunk(one);
    await settled();
    expect(taken()).toHaveLength(0);
    chunk(0);
    end();
    expect(await outcome).toMatchObject({ kind: 'received' });
    expect(taken().equals(content)).toBe(true);
  });

  test('hands nothing on of a chunk with another digest, nor of what follows', async () => {
    const content = fileOf(3);
    const { outlet, taken } = reader();
    const { chunk, end, said, outcome } = stream(content, outlet);
    await settled();
    chunk(0);
    chunk(1, Buffer.alloc(32));
    chunk(2);
    end();
    expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'damaged' } });
    expect(taken().equals(content.subarray(0, chunkSize))).toBe(true);
    expect(said.at(-1)).toMatchObject({ t: 'fail', code: 'damaged' });
  });

  test.each([
    ['twice', [0, 0]],
    ['beyond the end', [9]],
    ['more than the window holds', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])('takes no chunk %s', async (_, chunks) => {
    const { outlet, taken } = reader();
    const { chunk } = stream(fileOf(chunks.length > 2 ? 12 : 3), outlet);
    await settled();
    expect(() => {
      for (const one of chunks) chunk(one);
    }).toThrow(/not wanted|instead of|window/);
    expect(taken().length).toBeLessThanOrEqual(chunkSize);
  });

  test('has no end while chunks are missing', async () => {
    const { outlet } = reader();
    const { chunk, end } = stream(fileOf(2), outlet);
    await settled();
    chunk(0);
    expect(end).toThrow('end with chunks missing');
  });

  test('confirms only what the slow reader has taken, and never more waits than the window', async () => {
    const content = fileOf(20);
    const { outlet, taken, pause, goOn } = reader();
    pause();
    const { chunk, end, said, outcome } = stream(content, outlet);
    await settled();
    for (let one = 0; one < 8; one += 1) chunk(one);
    await settled();
    expect(kinds(said)).toEqual(['want']);
    goOn();
    await settled();
    expect(kinds(said).filter((kind) => kind === 'got')).toHaveLength(8);
    for (let one = 8; one < 16; one += 1) chunk(one);
    await settled();
    for (let one = 16; one < 20; one += 1) chunk(one);
    end();
    await outcome;
    expect(taken().equals(content)).toBe(true);
  });

  test('reminds the sender that a slow reader lives, also after its end', async () => {
    const reminder = { t: 'want', id: 1, files: [{ want: 'ranges', file: 0, ranges: [] }] };
    const content = fileOf(10);
    const { outlet, pause, goOn } = reader();
    pause();
    const { chunk, end, said, outcome } = stream(content, outlet, { stallTime: 40 });
    await settled();
    chunk(0);
    await vi.waitFor(() => {
      expect(said.at(-1)).toMatchObject(reminder);
    });
    goOn();
    await settled();
    for (let one = 1; one < 9; one += 1) chunk(one);
    await settled();
    pause();
    chunk(9);
    // It may be saying its end just now: what it hears then is not sure.
    const before = said.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(said.slice(before)).toEqual([]);
    end();
    await vi.waitFor(() => {
      expect(said.at(-1)).toMatchObject(reminder);
    });
    goOn();
    await settled();
    // What it was reminded of makes it say its end again, and before that there is no receipt.
    expect(kinds(said)).not.toContain('receipt');
    const reminders = said.slice(before).filter(({ t }) => t === 'want').length;
    for (let one = 0; one < reminders; one += 1) end();
    expect(await outcome).toMatchObject({ kind: 'received' });
    expect(said.at(-1)).toMatchObject({ t: 'receipt' });
    expect(end).not.toThrow();
  });

  test('goes on after a break where it was, without a byte twice', async () => {
    const content = fileOf(4);
    const { outlet, taken } = reader();
    const first = stream(content, outlet);
    await settled();
    first.chunk(0);
    first.chunk(1);
    await settled();
    first.lose();
    await expect(first.outcome).rejects.toMatchObject({ code: 'connection-lost' });
    const second = stream(content, outlet);
    await settled();
    expect(second.said).toMatchObject([{ files: [{ want: 'ranges', ranges: [[2, 4]] }] }]);
    second.chunk(2);
    second.chunk(3);
    second.end();
    expect(await second.outcome).toMatchObject({ kind: 'received', digest: digestOfAll(content) });
    expect(taken().equals(content)).toBe(true);
  });

  test.each([
    ['that begins like it', 2],
    ['of another length', 3],
    ['that is another one', 2],
  ])('goes on with a file %s only as far as it is the same', async (how, count) => {
    const content = fileOf(count);
    const { outlet, taken } = reader();
    const first = stream(fileOf(2), outlet);
    await settled();
    first.chunk(0);
    await settled();
    first.lose();
    const second = stream(content, outlet, { tag: 'b' });
    await settled();
    if (how === 'of another length') {
      expect(await second.outcome).toMatchObject({ kind: 'failed', error: { code: 'changed' } });
      expect(second.said).toMatchObject([{ files: [{ want: 'refused', code: 'changed' }] }]);
      return;
    }
    expect(second.said).toMatchObject([{ files: [{ want: 'digests' }] }]);
    const same = how === 'that begins like it';
    const one = same ? digestOf('blake3', content.subarray(0, chunkSize)) : Buffer.alloc(32);
    const digests = Buffer.concat([one, Buffer.alloc(32, 1)]);
    void second.receiving.tell({ t: 'digests', id: 1, file: 0, first: 0, digests });
    if (!same) {
      second.end();
      expect(await second.outcome).toMatchObject({ kind: 'failed', error: { code: 'changed' } });
      return;
    }
    second.chunk(1);
    second.end();
    expect(await second.outcome).toMatchObject({ kind: 'received', digest: digestOfAll(content) });
    expect(taken().equals(content)).toBe(true);
  });

  test('knows a source that changed though the break after that came before it was compared', async () => {
    const content = fileOf(3);
    const { outlet, taken } = reader();
    const first = stream(content, outlet);
    await settled();
    first.chunk(0);
    await settled();
    first.lose();
    const second = stream(content, outlet, { tag: 'b' });
    await settled();
    expect(second.said).toMatchObject([{ files: [{ want: 'digests' }] }]);
    second.lose();
    const third = stream(content, outlet, { tag: 'b' });
    await settled();
    expect(third.said).toMatchObject([{ files: [{ want: 'digests' }] }]);
    const digests = Buffer.concat([
      digestOf('blake3', content.subarray(0, chunkSize)),
      Buffer.alloc(64, 1),
    ]);
    void third.receiving.tell({ t: 'digests', id: 1, file: 0, first: 0, digests });
    third.chunk(1);
    await settled();
    third.lose();
    // What was compared, and handed on since, is of the new state.
    const fourth = stream(content, outlet, { tag: 'b' });
    await settled();
    expect(fourth.said).toMatchObject([{ files: [{ want: 'ranges', ranges: [[2, 3]] }] }]);
    fourth.chunk(2);
    fourth.end();
    expect(await fourth.outcome).toMatchObject({ kind: 'received', digest: digestOfAll(content) });
    expect(taken().equals(content)).toBe(true);
  });

  test('goes on after a break though its reader pauses, and gives the receipt when it has taken all', async () => {
    const content = fileOf(3);
    const { outlet, taken, pause, goOn } = reader();
    const first = stream(content, outlet);
    await settled();
    pause();
    first.chunk(0);
    await settled();
    first.lose();
    const second = stream(content, outlet);
    await settled();
    expect(second.said).toMatchObject([{ files: [{ want: 'ranges', ranges: [[1, 3]] }] }]);
    second.chunk(1);
    second.chunk(2);
    second.end();
    await settled();
    expect(taken()).toHaveLength(0);
    expect(kinds(second.said)).toEqual(['want']);
    goOn();
    expect(await second.outcome).toMatchObject({ kind: 'received', digest: digestOfAll(content) });
    expect(taken().equals(content)).toBe(true);
  });

  test('gives no receipt while its reader pauses with the last chunk, though a break came between', async () => {
    const content = fileOf(1);
    const { outlet, pause, goOn } = reader();
    pause();
    const first = stream(content, outlet);
    await settled();
    first.chunk(0);
    await settled();
    first.lose();
    const second = stream(content, outlet);
    await settled();
    second.end();
    await settled();
    expect(kinds(second.said)).toEqual(['want']);
    goOn();
    expect(await second.outcome).toMatchObject({ kind: 'received', digest: digestOfAll(content) });
  });

  test('hands on what is all here, though the connection is lost', async () => {
    const content = fileOf(2);
    const { outlet, taken, pause, goOn } = reader();
    pause();
    const { chunk, end, lose, outcome } = stream(content, outlet);
    await settled();
    chunk(0);
    chunk(1);
    end();
    lose();
    goOn();
    expect(await outcome).toMatchObject({ kind: 'received' });
    expect(taken().equals(content)).toBe(true);
  });

  test('ends when its reader goes', async () => {
    const gone = new SharingError('cancelled', 'gone');
    const outlet = openOutlet(() => Promise.reject(gone));
    const { chunk, end, said, outcome } = stream(fileOf(3), outlet);
    await settled();
    chunk(0);
    await settled();
    expect(said.at(-1)).toMatchObject({ t: 'fail', code: 'cancelled' });
    end();
    expect(await outcome).toMatchObject({ kind: 'failed', error: gone });
  });

  test('ends with the failure of its sender', async () => {
    const { outlet } = reader();
    const { receiving, outcome } = stream(fileOf(3), outlet);
    await settled();
    void receiving.tell({ t: 'fail', id: 1, file: 0, code: 'changed', message: 'changed' });
    expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'changed' } });
  });
});
