import { SharingError } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import type { Speech } from '#sharing/transport/connection.js';
import {
  chunkSize,
  packedHeaderLength,
  packHeader,
  type ChunkHeader,
} from '#sharing/wire/frame.js';

/** Bytes after which a pack goes out. */
const packLength = 256 * 1024;
/** Packs that are filled while others leave. */
const packCount = 2;
/** Holds the longest small file, its header, and the byte more that a source is read for. */
const bufferLength = chunkSize + packedHeaderLength + 1;

/** Gathers small files into few writes. */
export interface Packing {
  /** Where the bytes of the next file go, with room for one byte more. */
  reserve(size: number): Soon<Buffer>;
  /** The file whose bytes lie in the place that was reserved last goes out with the rest. */
  add(header: ChunkHeader): void;
  /** What was gathered goes out. Rejects when the connection is closed. */
  flush(): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function packing(connection: Speech, moved: () => void): Packing {
  const free: Buffer[] = [];
  const leaving = new Set<Promise<void>>();
  let made = 0;
  let buffer: Buffer | undefined;
  let fill = 0;

  async function untilFree(): Promise<void> {
    for (;;) {
      connection.signal.throwIfAborted();
      if (free.length > 0) return;
      if (made < packCount) {
        made += 1;
        free.push(Buffer.allocUnsafe(bufferLength));
      } else await Promise.race(leaving);
    }
  }

  function send(): void {
    if (!buffer || fill === 0) return;
    const full = buffer;
    const left = connection
      .sendPacked(full.subarray(0, fill), moved)
      .catch(() => undefined)
      .then(() => {
        leaving.delete(left);
        free.push(full);
      });
    leaving.add(left);
    buffer = undefined;
    fill = 0;
  }

  return {
    reserve(size) {
      if (fill + packedHeaderLength + size + 1 > bufferLength) send();
      const place = (): Buffer => {
        buffer ??= free.pop();
        if (!buffer) throw new SharingError('internal', 'no buffer to pack into');
        const at = fill + packedHeaderLength;
        return buffer.subarray(at, at + size + 1);
      };
      return buffer || free.length > 0 ? place() : untilFree().then(place);
    },
    add(header) {
      if (!buffer) throw new SharingError('internal', 'a file that no place was reserved for');
      packHeader(buffer, fill, header);
      fill += packedHeaderLength + header.length;
      if (fill >= packLength) send();
    },
    async flush() {
      send();
      await connection.drained();
      connection.signal.throwIfAborted();
    },
    async idle() {
      while (leaving.size > 0) await Promise.all(leaving);
    },
  };
}
