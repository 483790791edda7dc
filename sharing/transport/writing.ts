import {
  encodeChunkHeader,
  encodeDataHeader,
  packedHeaderLength,
  packHeader,
  type ChunkHeader,
} from '#sharing/wire/frame.js';
import { encode, type Message } from '#sharing/wire/message.js';
import type { Duplex } from 'node:stream';

/** Bytes of a chunk that go out as one frame, so that control messages pass between them. */
const partLength = 256 * 1024;
/** Bytes that may wait in the stream before the next part, or the next request, is taken. */
const maxQueued = 512 * 1024;
/** Milliseconds for a whole chunk, so that nobody waits long for a message, nor for a sign of movement. */
const quickTime = 50;

/** What goes out over a stream: messages, and chunks one after the other, which messages pass. */
export interface Writing {
  say(message: Message): void;
  /** Says it although nothing is to follow; in the middle of a chunk it is left out, for it would be taken for a part of it. */
  sayLast(message: Message): void;
  write(bytes: Buffer): void;
  /** As `Connection.sendChunk`, and so on; they reject with the reason of the end. */
  sendChunk(header: ChunkHeader, bytes: Buffer, moved: () => void): Promise<void>;
  sendWhole(header: ChunkHeader, room: Buffer, moved: () => void): Promise<void>;
  sendPacked(frames: Buffer, moved: () => void): Promise<void>;
  /** Resolves when little enough waits to be sent. */
  drained(): Promise<void>;
  /** The same of messages alone; undefined when it is so. */
  answered(): Promise<void> | undefined;
  /** It has ended: nobody waits any more. */
  end(): void;
}

export interface WritingOptions {
  readonly signal: AbortSignal;
  readonly onSent: () => void;
  /** What was written has left the process. */
  readonly onFlushed: () => void;
}

type Queued = Promise<{ readonly flushed: Promise<void> }>;

export function writing(duplex: Duplex, { signal, onSent, onFlushed }: WritingOptions): Writing {
  let draining: Promise<void> | undefined;
  let stopDraining: () => void = () => undefined;
  /** Bytes of messages that wait to be sent, and who waits for them. */
  let answers = 0;
  let onAnswered: () => void = () => undefined;
  let chunkTurn: Promise<unknown> = Promise.resolve();
  /** The part that went out last of chunks that go out whole, and what must not come in between. */
  let lastPart = Promise.resolve();
  let inChunk = false;
  /** The chunk before left in no time: the next one may go in one piece. */
  let quick = false;
  const heldBack: Buffer[] = [];

  function write(bytes: Buffer, flushed?: () => void): void {
    if (signal.aborted) {
      flushed?.();
      return;
    }
    onSent();
    duplex.write(bytes, () => {
      flushed?.();
      onFlushed();
      // Not the stream's own 'drain', which comes only when nothing at all is left to send.
      if (duplex.writableLength <= maxQueued) stopDraining();
    });
  }

  function writeAnswer(bytes: Buffer): void {
    write(bytes, () => {
      answers -= bytes.length;
      onAnswered();
    });
  }

  function drained(): Promise<void> {
    if (duplex.writableLength <= maxQueued || signal.aborted) return Promise.resolve();
    draining ??= new Promise<void>((resolve) => {
      stopDraining = resolve;
    }).finally(() => {
      draining = undefined;
    });
    return draining;
  }

  async function untilAnswered(): Promise<void> {
    while (answers > maxQueued && !signal.aborted) {
      await new Promise<void>((resolve) => {
        onAnswered = resolve;
      });
    }
  }

  /** Resolves when the chunk is queued, with a promise for the moment when its bytes are free again. */
  async function queueChunk(header: ChunkHeader, bytes: Buffer, moved: () => void): Queued {
    await drained();
    write(encodeChunkHeader(header));
    let flushed = Promise.resolve();
    for (let at = 0; at < bytes.length; at += partLength) {
      await drained();
      const part = bytes.subarray(at, at + partLength);
      write(encodeDataHeader(part.length));
      flushed = writePart(part, moved);
    }
    return { flushed };
  }

  async function queuePacked(frames: Buffer, moved: () => void): Queued {
    await drained();
    return { flushed: writePart(frames, moved) };
  }

  function writePart(bytes: Buffer, moved: () => void): Promise<void> {
    return new Promise<void>((resolve) => {
      write(bytes, () => {
        moved();
        resolve();
      });
    });
  }

  /** One part at a time: what waits in the stream together would be copied into one for TLS. */
  async function queueWhole(header: ChunkHeader, room: Buffer, moved: () => void): Queued {
    await lastPart;
    await drained();
    packHeader(room, 0, header);
    const frames = room.subarray(0, packedHeaderLength + header.length);
    inChunk = true;
    const began = performance.now();
    const length = quick ? frames.length : partLength;
    for (let at = 0; at < frames.length; at += length) {
      if (at > 0) await lastPart;
      lastPart = writePart(frames.subarray(at, at + length), moved);
    }
    inChunk = false;
    void lastPart.then(() => {
      quick = performance.now() - began < quickTime;
    });
    for (const bytes of heldBack.splice(0)) writeAnswer(bytes);
    return { flushed: lastPart };
  }

  /** Chunks of several transfers must not mix: data frames carry no address. */
  async function inChunkTurn(queue: () => Queued): Promise<void> {
    const queued = chunkTurn.then(queue);
    chunkTurn = queued.catch(() => undefined);
    const { flushed } = await queued;
    await flushed;
    signal.throwIfAborted();
  }

  return {
    say(message) {
      const bytes = encode(message);
      answers += bytes.length;
      if (inChunk) heldBack.push(bytes);
      else writeAnswer(bytes);
    },
    sayLast(message) {
      if (duplex.writable && !inChunk) duplex.write(encode(message));
    },
    write,
    sendChunk: (header, bytes, moved) => inChunkTurn(() => queueChunk(header, bytes, moved)),
    sendWhole: (header, room, moved) => inChunkTurn(() => queueWhole(header, room, moved)),
    sendPacked: (frames, moved) => inChunkTurn(() => queuePacked(frames, moved)),
    drained,
    answered: () => (answers > maxQueued ? untilAnswered() : undefined),
    end() {
      stopDraining();
      onAnswered();
    },
  };
}
