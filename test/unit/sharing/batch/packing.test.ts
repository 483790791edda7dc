import { SharingError } from '#sharing/errors.js';
import { packing, type Packing } from '#sharing/batch/packing.js';
import type { Connection } from '#sharing/transport/connection.js';
import { chunkSize, frameDecoder, packedHeaderLength, type Frame } from '#sharing/wire/frame.js';
import { describe, expect, test } from 'vitest';
import { framesOf } from '../../../support/frames.js';

const digest = Buffer.alloc(32, 7);

interface Bench {
  readonly pack: Packing;
  /** Packs as they left, in bytes. */
  readonly packs: Buffer[];
  /** Lets the pack go that left first. */
  readonly arrive: () => void;
  readonly close: () => void;
  readonly put: (file: number, bytes: Buffer) => Promise<Buffer>;
}

/** A connection that takes packs at once, or, if `slow`, when it is told to. */
function open(slow = false): Bench {
  const packs: Buffer[] = [];
  const waiting: (() => void)[] = [];
  const ending = new AbortController();
  const connection: Pick<Connection, 'sendPacked' | 'drained' | 'signal'> = {
    signal: ending.signal,
    drained: () => Promise.resolve(),
    async sendPacked(frames, moved) {
      // Copied, for its place may be used again when this has resolved.
      packs.push(Buffer.from(frames));
      if (slow) await new Promise<void>((resolve) => waiting.push(resolve));
      ending.signal.throwIfAborted();
      moved();
    },
  };
  const pack = packing(connection as Connection, () => undefined);
  return {
    pack,
    packs,
    arrive: () => waiting.shift()?.(),
    close: () => {
      ending.abort(new SharingError('connection-lost', 'cut'));
      for (const resolve of waiting.splice(0)) resolve();
    },
    async put(file, bytes) {
      const place = await pack.reserve(bytes.length);
      bytes.copy(place);
      pack.add({ id: 1, file, chunk: 0, length: bytes.length, digest });
      return place;
    },
  };
}

function framesIn(packs: readonly Buffer[]): Frame[] {
  const decoder = frameDecoder();
  const frames = packs.flatMap((pack) => {
    const found = [...framesOf(decoder, pack)];
    // A pack is whole frames, so that messages pass between two.
    expect(decoder.atBoundary()).toBe(true);
    return found;
  });
  return frames;
}

describe('packing', () => {
  test('files go out in order, each as its header and its bytes', async () => {
    const { pack, packs, put } = open();
    for (const [file, text] of ['one', 'another', 'x'].entries())
      await put(file, Buffer.from(text));
    expect(packs).toEqual([]);
    await pack.flush();
    expect(packs).toHaveLength(1);
    expect(framesIn(packs)).toEqual(
      ['one', 'another', 'x'].flatMap((text, file) => [
        { t: 'chunk', id: 1, file, chunk: 0, length: text.length, digest },
        { t: 'data', bytes: Buffer.from(text) },
      ]),
    );
  });

  test('much goes out without being told to, and the longest file fits', async () => {
    const { pack, packs, put } = open();
    const small = Buffer.alloc(100 * 1024, 1);
    for (let file = 0; file < 3; file += 1) await put(file, small);
    expect(packs.map(({ length }) => length)).toEqual([3 * (small.length + packedHeaderLength)]);
    await put(3, Buffer.from('a'));
    const place = await put(4, Buffer.alloc(chunkSize, 2));
    // With room for the byte more that a source is read for.
    expect(place).toHaveLength(chunkSize + 1);
    await pack.flush();
    const files = framesIn(packs).flatMap((frame) => (frame.t === 'chunk' ? [frame.file] : []));
    expect(files).toEqual([0, 1, 2, 3, 4]);
    expect(packs).toHaveLength(3);
  });

  test('a place that was not used after all is used by the next', async () => {
    const { pack, packs, put } = open();
    (await pack.reserve(1000)).fill(9);
    await put(1, Buffer.from('content'));
    await pack.flush();
    expect(framesIn(packs)).toMatchObject([{ file: 1 }, { bytes: Buffer.from('content') }]);
  });

  test('nothing goes out when there is nothing', async () => {
    const { pack, packs } = open();
    await pack.flush();
    await pack.reserve(5);
    await pack.flush();
    expect(packs).toEqual([]);
  });

  test('no bytes are written over that have not left: two packs, and then it waits', async () => {
    const { pack, packs, put, arrive } = open(true);
    const much = Buffer.alloc(chunkSize, 1);
    await put(0, much);
    await put(1, much);
    let isIn = false;
    const third = put(2, much).then(() => {
      isIn = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([packs.length, isIn]).toEqual([2, false]);
    arrive();
    await third;
    expect(packs).toHaveLength(3);
    arrive();
    arrive();
    await pack.idle();
  });

  test('is idle when all has left', async () => {
    const { pack, put, arrive } = open(true);
    await put(0, Buffer.alloc(chunkSize));
    let isIdle = false;
    const idle = pack.idle().then(() => {
      isIdle = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isIdle).toBe(false);
    arrive();
    await idle;
  });

  test('a connection that closes ends who waits, and what is under way', async () => {
    const { pack, put, close } = open(true);
    const much = Buffer.alloc(chunkSize, 1);
    await put(0, much);
    await put(1, much);
    const third = expect(put(2, much)).rejects.toMatchObject({ code: 'connection-lost' });
    close();
    await third;
    await pack.idle();
    await expect(pack.flush()).rejects.toMatchObject({ code: 'connection-lost' });
  });
});
