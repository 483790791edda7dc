import { asSharingError, SharingError } from '#sharing/errors.js';
import type { Incoming } from '#sharing/session/incoming.js';
import { bucket, type Rate } from '#sharing/transport/bucket.js';
import { streamFeed, type Feed } from '#sharing/transport/feed.js';
import { heartbeat, leastMovement, type Silence } from '#sharing/transport/heartbeat.js';
import {
  encodeChunkHeader,
  encodeDataHeader,
  encodeDigests,
  packedHeaderLength,
  packHeader,
  frameDecoder,
  type ChunkHeader,
  type Digests,
  type Frame,
} from '#sharing/wire/frame.js';
import { decode, encode, type Message } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';
import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes of a chunk that go out as one frame, so that control messages pass between them. */
const partLength = 256 * 1024;
/** Bytes that may wait in the stream before the next part, or the next request, is taken. */
const maxQueued = 512 * 1024;
/** Milliseconds for a whole chunk, so that nobody waits long for a message, nor for a sign of movement. */
const quickTime = 50;
/** Milliseconds that a closing connection gets to deliver its last words. */
const lingerTime = 500;

/** Control messages that a peer may send, if nothing else is said; what comes faster waits. */
const usualRate = { burst: 4000, perSecond: 2000 };

/** Takes what arrived; while its promise is pending nothing more is read. */
export type Receiver = (incoming: Incoming) => Promise<void> | undefined;

export interface SpeakOptions {
  /** Control messages that the peer may send. */
  readonly rate?: Rate;
  /** What comes over the stream, if not its own events tell. */
  readonly feed?: Feed;
}

/** Messages and chunks over any duplex stream, with back-pressure both ways. */
export interface Connection extends AsyncDisposable {
  /** Queues a control message; it passes chunks that are under way. */
  send(message: Message): void;
  /**
   * Sends a chunk. Resolves when `bytes` may be used again; rejects with the reason of the close. `moved` is
   * called for each part that left.
   */
  sendChunk(header: ChunkHeader, bytes: Buffer, moved?: () => void): Promise<void>;
  /**
   * As `sendChunk`, in as few writes as can be: messages wait until it is out. Before the chunk's bytes `room` has
   * `packedHeaderLength` bytes of place.
   */
  sendWhole(header: ChunkHeader, room: Buffer, moved: () => void): Promise<void>;
  /** Sends chunks that are packed as whole frames; else as `sendChunk`. */
  sendPacked(frames: Buffer, moved: () => void): Promise<void>;
  sendDigests(digests: Digests): Promise<void>;
  /** Resolves when little enough waits to be sent. */
  drained(): Promise<void>;
  /** Begins to read; called once. */
  receive(receiver: Receiver): void;
  /** False while nothing is read, because we are busy with what came. */
  listening(): boolean;
  /** Ends it; `last` still goes out if it can. The first reason stays; none is a friendly end. */
  close(error?: SharingError, last?: Message): void;
  /** Aborted once it is closed, with a SharingError as the reason. */
  readonly signal: AbortSignal;
  /** The first reason, undefined after a friendly end. Resolves when the stream is gone. */
  readonly closed: Promise<SharingError | undefined>;
}

/** Speaks frames over an open stream. Heartbeats are answered here and never reach the receiver. */
export function speak(
  duplex: Duplex,
  silence: Silence,
  { rate = usualRate, feed = streamFeed(duplex) }: SpeakOptions = {},
): Connection {
  const ending = new AbortController();
  const { signal } = ending;
  // Each request listens; how many there are is bounded elsewhere.
  setMaxListeners(0, signal);
  const decoder = frameDecoder();
  const beat = heartbeat(silence, ping, finish);
  let failure: SharingError | undefined;
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
  let listening = true;
  const messages = bucket(rate, () => performance.now());
  let dripped = 0;

  const closed = new Promise<SharingError | undefined>((resolve) => {
    duplex.once('close', () => {
      lost('the connection was lost');
      resolve(failure);
    });
  });
  duplex.on('error', (error: Error) => {
    lost(error.message, error);
    duplex.destroy();
  });
  duplex.on('end', () => {
    lost('the other side closed the connection');
    duplex.destroy();
  });

  function lost(message: string, cause?: Error): void {
    finish(new SharingError('connection-lost', message, {}, cause));
  }

  function finish(error: SharingError | undefined, last?: Message): void {
    if (signal.aborted) return;
    failure = error;
    beat.stop();
    stopDraining();
    onAnswered();
    // In the middle of a chunk it would be taken for a part of it.
    if (last && duplex.writable && !inChunk) duplex.write(encode(last));
    ending.abort(error ?? new SharingError('connection-lost', 'the session is over'));
    duplex.end();
    // What nobody reads never closes by itself.
    duplex.resume();
    const linger = setTimeout(() => duplex.destroy(), lingerTime);
    duplex.once('close', () => {
      clearTimeout(linger);
    });
  }

  function write(bytes: Buffer, flushed?: () => void): void {
    if (signal.aborted) {
      flushed?.();
      return;
    }
    beat.sent();
    duplex.write(bytes, () => {
      flushed?.();
      // Somebody reads what we send, though we do not listen for an answer.
      if (!listening) beat.heard();
      // Not the stream's own 'drain', which comes only when nothing at all is left to send.
      if (duplex.writableLength <= maxQueued) stopDraining();
    });
  }

  function say(message: Message): void {
    const bytes = encode(message);
    answers += bytes.length;
    if (inChunk) heldBack.push(bytes);
    else writeAnswer(bytes);
  }

  function writeAnswer(bytes: Buffer): void {
    write(bytes, () => {
      answers -= bytes.length;
      onAnswered();
    });
  }

  function ping(n: number): void {
    say({ t: 'ping', n });
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

  /** Resolves when few enough messages wait to be sent. */
  async function answered(): Promise<void> {
    while (answers > maxQueued && !signal.aborted) {
      await new Promise<void>((resolve) => {
        onAnswered = resolve;
      });
    }
  }

  /** Resolves when the chunk is queued, with a promise for the moment when its bytes are free again. */
  async function queueChunk(
    header: ChunkHeader,
    bytes: Buffer,
    moved: () => void,
  ): Promise<{ readonly flushed: Promise<void> }> {
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

  async function queuePacked(
    frames: Buffer,
    moved: () => void,
  ): Promise<{ readonly flushed: Promise<void> }> {
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
  async function queueWhole(
    header: ChunkHeader,
    room: Buffer,
    moved: () => void,
  ): Promise<{ readonly flushed: Promise<void> }> {
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
  async function inChunkTurn(
    queue: () => Promise<{ readonly flushed: Promise<void> }>,
  ): Promise<void> {
    const queued = chunkTurn.then(queue);
    chunkTurn = queued.catch(() => undefined);
    const { flushed } = await queued;
    await flushed;
    signal.throwIfAborted();
  }

  /** Bytes that drip keep nobody alive. */
  function heard(bytes: number): void {
    dripped += bytes;
    if (dripped < leastMovement) return;
    dripped = 0;
    beat.heard();
  }

  function take(frame: Frame, receiver: Receiver): Promise<void> | undefined {
    heard(frame.kind === 'data' ? frame.bytes.length : leastMovement);
    if (frame.kind !== 'message' || messages.take()) return handle(frame, receiver);
    return turn().then(() => (signal.aborted ? undefined : handle(frame, receiver)));
  }

  /** The shortest way for the most that comes. */
  function takeData(bytes: Buffer, receiver: Receiver): Promise<void> | undefined {
    if (signal.aborted) return undefined;
    heard(bytes.length);
    const busy = receiver({ t: 'data', bytes });
    return busy && whileDeaf(busy);
  }

  /** Resolves when the peer may send one message more. */
  async function turn(): Promise<void> {
    while (!signal.aborted && !messages.take()) {
      await delay(messages.wait(), undefined, { signal }).catch(() => undefined);
    }
  }

  function handle(frame: Frame, receiver: Receiver): Promise<void> | undefined {
    const incoming = open(frame);
    if (incoming.t === 'pong') return undefined;
    if (incoming.t !== 'ping') return receiver(incoming);
    say({ t: 'pong', n: incoming.n });
    return undefined;
  }

  /** While we are busy ourselves the peer's silence says nothing. While it does not read, it does. */
  async function whileDeaf(busy: Promise<void>): Promise<void> {
    beat.listening(false);
    try {
      await busy;
    } finally {
      beat.listening(true);
    }
  }

  /** Runs without a promise as long as the receiver does: this is called for every TLS record. */
  function deliver(frames: Iterator<Frame>, receiver: Receiver): Promise<void> | undefined {
    for (let next = frames.next(); !next.done; next = frames.next()) {
      if (signal.aborted) return undefined;
      const busy = take(next.value, receiver);
      if (busy) return whileDeaf(busy).then(() => deliver(frames, receiver));
    }
    // A peer that asks without reading the answers is not heard until it has read them. Chunks do not count: they wait
    // for their turn, and two that both send some would wait for one another.
    return answers > maxQueued ? answered() : undefined;
  }

  function fail(error: unknown): void {
    const known = asSharingError(error);
    finish(known, { t: 'error', ...refusalOf(known) });
  }

  function listen(receiver: Receiver): void {
    /** What still comes from a stream that was paused. */
    const late: Buffer[] = [];

    /** True when no more may be taken for now. */
    function takeBytes(bytes: Buffer): boolean {
      try {
        const busy = decoder.passes(bytes)
          ? takeData(bytes, receiver)
          : deliver(decoder.push(bytes), receiver);
        if (!busy) return false;
        // The next bytes may come in the place of these.
        decoder.keep();
        listening = false;
        duplex.pause();
        busy.catch(fail).finally(goOn);
        return true;
      } catch (error) {
        fail(error);
        return false;
      }
    }

    function goOn(): void {
      listening = true;
      beat.heard();
      const bytes = late.shift();
      if (!bytes) {
        duplex.resume();
        return;
      }
      if (!takeBytes(bytes)) goOn();
    }

    feed.listen((bytes) => {
      if (listening) takeBytes(bytes);
      else late.push(Buffer.from(bytes));
    });
    duplex.resume();
  }

  return {
    send: say,
    sendChunk: (header, bytes, moved = () => undefined) =>
      inChunkTurn(() => queueChunk(header, bytes, moved)),
    sendWhole: (header, room, moved) => inChunkTurn(() => queueWhole(header, room, moved)),
    sendPacked: (frames, moved) => inChunkTurn(() => queuePacked(frames, moved)),
    async sendDigests(digests) {
      await drained();
      signal.throwIfAborted();
      write(encodeDigests(digests));
    },
    drained,
    receive: listen,
    listening: () => listening,
    close: finish,
    signal,
    closed,
    async [Symbol.asyncDispose]() {
      duplex.destroy();
      await closed;
    },
  };
}

function open(frame: Frame): Incoming {
  switch (frame.kind) {
    case 'message':
      return decode(frame.body);
    case 'chunk':
      return { ...frame, t: 'chunk' };
    case 'digests':
      return { ...frame, t: 'digests' };
    case 'data':
      return { t: 'data', bytes: frame.bytes };
  }
}
