import type { Soon } from '#sharing/soon.js';
import { digestOf, type DigestAlgorithm } from '#sharing/storage/digest.js';
import type { Source } from '#sharing/storage/source.js';
import { chunkSize } from '#sharing/wire/frame.js';

/** Bytes that are kept for others at most: so far may one lag behind the first. */
const usualLimit = 64 * 1024 * 1024;

/**
 * What several senders of the same files read, each chunk once as long as they keep pace. Who lags behind what is kept reads
 * for itself, and nobody waits for it.
 */
export interface SharedReads {
  /**
   * Fills `target` with what `read` would fill it with, and gives its digest. `place` names the bytes: a state of a file, and
   * where in it. Rejects as `read` does.
   */
  take(
    place: string,
    algorithm: DigestAlgorithm,
    target: Buffer,
    read: () => Soon<void>,
  ): Promise<Buffer>;
}

interface Kept {
  readonly bytes: Buffer;
  readonly digests: Map<DigestAlgorithm, Buffer>;
}

/** Buffers that are kept for the next chunks. */
const maxFree = 4;

/** `limit` is in bytes. */
export function sharedReads(limit = usualLimit): SharedReads {
  /** The one that was read first comes first. */
  const kept = new Map<string, Kept>();
  const reading = new Map<string, Promise<void>>();
  const free: Buffer[] = [];
  let length = 0;

  function keep(place: string, target: Buffer): Kept {
    while (length + target.length > limit) {
      const [oldest] = kept;
      if (!oldest) break;
      drop(...oldest);
    }
    const used = target.length === chunkSize ? free.pop() : undefined;
    const buffer = used ?? Buffer.allocUnsafe(target.length);
    target.copy(buffer);
    const one = { bytes: buffer, digests: new Map() };
    kept.set(place, one);
    length += target.length;
    return one;
  }

  function drop(place: string, { bytes }: Kept): void {
    kept.delete(place);
    length -= bytes.length;
    if (bytes.length === chunkSize && free.length < maxFree) free.push(bytes);
  }

  function digestIn({ bytes, digests }: Kept, algorithm: DigestAlgorithm): Buffer {
    const known = digests.get(algorithm) ?? digestOf(algorithm, bytes);
    digests.set(algorithm, known);
    return known;
  }

  async function readNow(place: string, target: Buffer, read: () => Soon<void>): Promise<Kept> {
    let done = (): void => undefined;
    reading.set(place, new Promise((resolve) => (done = resolve)));
    try {
      await read();
      return keep(place, target);
    } finally {
      reading.delete(place);
      done();
    }
  }

  return {
    async take(place, algorithm, target, read) {
      // Whoever reads it may fail, or it may be gone again; then it is our turn.
      for (let other = reading.get(place); other; other = reading.get(place)) await other;
      const there = kept.get(place);
      if (there?.bytes.length === target.length) {
        there.bytes.copy(target);
        return digestIn(there, algorithm);
      }
      return digestIn(await readNow(place, target, read), algorithm);
    },
  };
}

/** The same source, whose chunks are read and hashed once for all who share them. */
export function sharing(source: Source, reads: SharedReads | undefined): Source {
  if (!reads) return source;
  return {
    ...source,
    readHashed: (algorithm, target, position) =>
      reads.take(`${source.state} ${position}`, algorithm, target, () =>
        source.read(target, position),
      ),
  };
}
