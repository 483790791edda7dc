import { openLandingArea } from '#sharing/storage/area.js';
import { digestOf, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { openFolder } from '#sharing/storage/folder.js';
import { openLanding } from '#sharing/storage/landing.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import {
  chunkSize,
  encodeChunkHeader,
  encodeDataHeader,
  frameDecoder,
  packedHeaderLength,
  packHeader,
} from '#sharing/wire/frame.js';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { empty, warm } from './content.js';
import { pairedRatios, spread } from './figures.js';
import type { MicroRow } from './table.js';
import { mebibyte, tell, type World } from './world.js';
import { framesOf } from '../support/frames.js';

/** The same work done by a part of lanpost and by the code that one would write first. */
interface Pair {
  readonly work: string;
  readonly twin: string;
  readonly bytes: number;
  readonly own: () => Promise<void> | void;
  readonly naive: () => Promise<void> | void;
  /** Runs before each, and is not measured. */
  readonly before?: () => Promise<void>;
}

/** Bytes as a TLS socket gives them. */
const recordLength = 16 * 1024;
const digest = Buffer.alloc(32);

/** Parts on their own, each against a naive twin; they run in the Node that runs the benchmark. */
export async function micro(world: World): Promise<readonly MicroRow[]> {
  const rows: MicroRow[] = [];
  for (const pair of [...framing(world), ...digests(world), landing(world)]) {
    tell(`${pair.work}: against ${pair.twin}`);
    rows.push(await compare(pair, world.rounds));
  }
  return rows;
}

async function compare(pair: Pair, rounds: number): Promise<MicroRow> {
  const own: number[] = [];
  const naive: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const times = [await time(pair.own, pair.before), await time(pair.naive, pair.before)] as const;
    if (round === 0) continue;
    own.push(times[0]);
    naive.push(times[1]);
  }
  const rate = (seconds: number): number => pair.bytes / 1e6 / seconds;
  return {
    work: pair.work,
    own: spread(own.map(rate)),
    twin: pair.twin,
    other: spread(naive.map(rate)),
    ratio: spread(pairedRatios(own, naive)),
  };
}

async function time(run: Pair['own'], before: Pair['before']): Promise<number> {
  await before?.();
  const began = performance.now();
  await run();
  return (performance.now() - began) / 1000;
}

function framing(world: World): Pair[] {
  const bytes = world.scaled(1024, 256) * mebibyte;
  const chunk = randomBytes(chunkSize);
  const file = randomBytes(4096);
  const files = bytes / 8 / file.length;
  const pack = packOf(file, 60);
  return [
    {
      work: 'frames of chunks of 1 MiB, encode and decode',
      twin: 'length and bytes, put together anew',
      bytes,
      own: () => {
        repeat(bytes / chunkSize, () => {
          const header = { id: 1, file: 0, chunk: 0, length: chunkSize, digest };
          decode([encodeChunkHeader(header), encodeDataHeader(chunkSize), chunk]);
        });
      },
      naive: () => {
        repeat(bytes / chunkSize, () => {
          naiveDecode([naiveEncode([digest, chunk])]);
        });
      },
    },
    {
      work: 'frames of files of 4 KiB, packed and unpacked',
      twin: 'length and bytes, put together anew',
      bytes: files * file.length,
      own: () => {
        repeat(Math.ceil(files / 60), () => {
          decode([packInto(pack, file, 60)]);
        });
      },
      naive: () => {
        repeat(Math.ceil(files / 60), () => {
          naiveDecode(Array.from({ length: 60 }, () => naiveEncode([digest, file])));
        });
      },
    },
  ];
}

function repeat(times: number, run: () => void): void {
  for (let n = 0; n < times; n += 1) run();
}

function packOf(file: Buffer, count: number): Buffer {
  return Buffer.alloc(count * (packedHeaderLength + file.length));
}

function packInto(pack: Buffer, file: Buffer, count: number): Buffer {
  for (let n = 0; n < count; n += 1) {
    const at = n * (packedHeaderLength + file.length);
    packHeader(pack, at, { id: 1, file: n, chunk: 0, length: file.length, digest });
    file.copy(pack, at + packedHeaderLength);
  }
  return pack;
}

/** Throws Error when something is left over. */
function decode(parts: readonly Buffer[]): void {
  const decoder = frameDecoder();
  let length = 0;
  for (const record of records(parts)) {
    for (const frame of framesOf(decoder, record))
      length += frame.t === 'data' ? frame.bytes.length : 0;
  }
  if (length === 0 || !decoder.atBoundary()) throw new Error('frames are left over');
}

function naiveEncode(parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(parts.reduce((sum, { length }) => sum + length, 0));
  return Buffer.concat([header, ...parts]);
}

/** Throws Error when something is left over. */
function naiveDecode(parts: readonly Buffer[]): void {
  let rest = Buffer.alloc(0);
  for (const record of records(parts)) {
    rest = Buffer.concat([rest, record]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      rest = rest.subarray(4 + rest.readUInt32BE());
    }
  }
  if (rest.length > 0) throw new Error('frames are left over');
}

function* records(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += recordLength) {
      yield part.subarray(at, at + recordLength);
    }
  }
}

function digests(world: World): Pair[] {
  const bytes = world.scaled(1024, 256) * mebibyte;
  const over = (algorithm: DigestAlgorithm, block: Buffer, total: number) => (): void => {
    repeat(total / block.length, () => digestOf(algorithm, block));
  };
  const pair = (block: Buffer, name: string, total: number): Pair => ({
    work: `digest of ${name}, blake3`,
    twin: 'sha256 of node:crypto',
    bytes: total,
    own: over('blake3', block, total),
    naive: over('sha256', block, total),
  });
  return [
    pair(randomBytes(chunkSize), '1 MiB', bytes),
    pair(randomBytes(4096), '4 KiB', bytes / 8),
  ];
}

function landing(world: World): Pair {
  const bytes = 256 * mebibyte;
  const count = bytes / chunkSize;
  const chunk = randomBytes(chunkSize);
  return {
    work: 'landing of 256 MiB: verified, journalled, published',
    twin: 'createWriteStream',
    bytes,
    before: async () => {
      await empty(world.arriving);
      warm(world, bytes);
    },
    own: () => land(world.arriving, chunk, count),
    naive: async () => {
      const stream = createWriteStream(join(world.arriving, 'naive.bin'));
      for (let n = 0; n < count; n += 1) {
        if (!stream.write(chunk)) await once(stream, 'drain');
      }
      stream.end();
      await finished(stream);
    },
  };
}

async function land(folder: string, chunk: Buffer, count: number): Promise<void> {
  await using target = await openFolder(folder);
  await using area = await openLandingArea(target);
  const arriving = await openLanding(area, openRoom({ keepFree: 0, maxFileSize: 2 ** 40 }), {
    name: safeName('new_landed.bin'),
    size: count * chunk.length,
    mtime: 1_600_000_000_000_000,
    algorithm: 'blake3',
    policy: 'number',
    peer: 'PEER',
    tag: '0'.repeat(32),
  });
  const good = digestOf('blake3', chunk);
  for (let n = 0; n < count; n += 1) await arriving.write(n, chunk, good);
  await arriving.publish();
}
