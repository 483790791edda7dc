import {
  chunkCount,
  chunkLength,
  digestOf,
  digestText,
  fileDigest,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import type { Source } from '#sharing/storage/source.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';

/** The chunks of a source, and the digest of each that was read. All of it rejects with what the source fails by. */
export interface HashedSource {
  /** Reads a chunk into `bytes`, which is as long, and gives its digest. */
  read(chunk: number, bytes: Buffer): Promise<Buffer>;
  /** Reads so many chunks, and gives their digests side by side. */
  page(first: number, count: number): Promise<Buffer>;
  /** The digest of the file; what was not read yet is read now, once. */
  digest(): Promise<string>;
  /** True while the disk is waited for. */
  isReading(): boolean;
}

export function hashedSource(source: Source, algorithm: DigestAlgorithm): HashedSource {
  const { size } = source;
  const digests = Buffer.alloc(chunkCount(size) * digestLength);
  /** Which of them are known. */
  const known = new Uint8Array(chunkCount(size));
  let reading = 0;
  let hashing: Promise<void> | undefined;

  async function read(chunk: number, bytes: Buffer): Promise<Buffer> {
    reading += 1;
    try {
      const digest = await readAndHash(chunk * chunkSize, bytes);
      digest.copy(digests, chunk * digestLength);
      known[chunk] = 1;
      return digest;
    } finally {
      reading -= 1;
    }
  }

  async function readAndHash(position: number, bytes: Buffer): Promise<Buffer> {
    if (source.readHashed) return source.readHashed(algorithm, bytes, position);
    await source.read(bytes, position);
    return digestOf(algorithm, bytes);
  }

  async function hash(chunks: Iterable<number>): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(size, chunkSize));
    for (const chunk of chunks) await read(chunk, buffer.subarray(0, chunkLength(size, chunk)));
  }

  function* unknown(): Iterable<number> {
    for (let chunk = 0; chunk < known.length; chunk += 1) if (known[chunk] === 0) yield chunk;
  }

  return {
    read,
    async page(first, count) {
      await hash(Array.from({ length: count }, (_, at) => first + at));
      return digests.subarray(first * digestLength, (first + count) * digestLength);
    },
    async digest() {
      hashing ??= hash(unknown());
      await hashing;
      return digestText(algorithm, fileDigest(algorithm, size, digests));
    },
    isReading: () => reading > 0,
  };
}
