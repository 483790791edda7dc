import { chunkCount } from '#sharing/storage/digest.js';
import type { Came } from '#sharing/transport/heartbeat.js';
import { chunkSize, type ChunkHeader } from '#sharing/wire/frame.js';

/** Chunks that are filled or written at once, with one connection; each further one has one more. */
const bufferCount = 2;

/** What comes over one connection. */
export interface Intake {
  /** Opens a chunk. A promise means: every buffer is busy, read no further. */
  begin(header: ChunkHeader): Promise<void> | undefined;
  /** Adds data to the open chunk, no more than it has; after `drop` it goes nowhere. */
  readonly data: (bytes: Buffer) => void;
  /** What comes until the next `begin` is not wanted; gives the chunk that was open. */
  drop(): number | undefined;
}

/** Gathers the data frames of a file into chunks and hands them on, with bounded memory. */
export interface Assembly {
  /** What was taken. */
  readonly came: Came;
  /** For one more connection. */
  intake(): Intake;
  /** What comes over any of them until its next `begin` is not wanted. */
  drop(): void;
  /** The one that has this chunk open. */
  holder(chunk: number): Intake | undefined;
  /** Whether a chunk is open or handed on. */
  holds(chunk: number): boolean;
  /** Whether another one is. */
  holdsOther(chunk: number): boolean;
  /** Whether a chunk is handed on. */
  isBusy(): boolean;
  /** Resolves when every chunk that is handed on by now is dealt with. */
  idle(): Promise<void>;
}

/** `write` gets each whole chunk and must not reject; its bytes are valid until it resolves. */
export function assemble(
  size: number,
  write: (header: ChunkHeader, bytes: Buffer) => Promise<void>,
): Assembly {
  const limit = Math.min(bufferCount, chunkCount(size));
  const free: Buffer[] = [];
  const writing = new Map<number, Promise<void>>();
  const intakes: (Intake & { readonly open: () => number | undefined })[] = [];
  const came: Came = { bytes: 0 };
  let made = 0;

  function takeBuffer(): Buffer | undefined {
    const buffer = free.pop();
    if (buffer || made >= limit + intakes.length - 1) return buffer;
    made += 1;
    return Buffer.allocUnsafe(Math.min(size, chunkSize));
  }

  function handOn(header: ChunkHeader, buffer: Buffer): void {
    const written = write(header, buffer.subarray(0, header.length)).then(() => {
      writing.delete(header.chunk);
      free.push(buffer);
    });
    writing.set(header.chunk, written);
  }

  function openIntake(): Intake & { readonly open: () => number | undefined } {
    let open: { header: ChunkHeader; buffer: Buffer; fill: number } | undefined;
    /** The chunk that waits for a buffer. */
    let waiting: ChunkHeader | undefined;

    async function beginLater(header: ChunkHeader): Promise<void> {
      waiting = header;
      await Promise.race(writing.values());
      // It may have been let go of meanwhile.
      if (waiting !== header) return;
      waiting = undefined;
      await begin(header);
    }

    function begin(header: ChunkHeader): Promise<void> | undefined {
      const buffer = takeBuffer();
      if (!buffer) return beginLater(header);
      open = { header, buffer, fill: 0 };
      return undefined;
    }

    return {
      begin,
      open: () => (open?.header ?? waiting)?.chunk,
      data(bytes) {
        if (!open) return;
        open.buffer.set(bytes, open.fill);
        open.fill += bytes.length;
        came.bytes += bytes.length;
        if (open.fill < open.header.length) return;
        const { header, buffer } = open;
        open = undefined;
        handOn(header, buffer);
      },
      drop() {
        const chunk = (open?.header ?? waiting)?.chunk;
        if (open) free.push(open.buffer);
        open = undefined;
        waiting = undefined;
        return chunk;
      },
    };
  }

  return {
    came,
    intake() {
      const one = openIntake();
      intakes.push(one);
      return one;
    },
    drop() {
      for (const one of intakes) one.drop();
    },
    holder: (chunk) => intakes.find((one) => one.open() === chunk),
    holds: (chunk) => writing.has(chunk) || intakes.some((one) => one.open() === chunk),
    holdsOther: (chunk) =>
      writing.size > (writing.has(chunk) ? 1 : 0) ||
      intakes.some((one) => ![undefined, chunk].includes(one.open())),
    isBusy: () => writing.size > 0,
    idle: async () => {
      await Promise.all(writing.values());
    },
  };
}
