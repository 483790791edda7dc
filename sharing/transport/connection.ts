import { asSharingError, SharingError } from '#sharing/errors.js';
import type { Rate } from '#sharing/transport/bucket.js';
import { streamFeed, type Feed } from '#sharing/transport/feed.js';
import { heartbeat, type Silence } from '#sharing/transport/heartbeat.js';
import { reading, type Receiver } from '#sharing/transport/reading.js';
import { writing } from '#sharing/transport/writing.js';
import { encodeDigests, type ChunkHeader, type Digests } from '#sharing/wire/frame.js';
import type { Message } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';
import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';

/** Milliseconds that a closing connection gets to deliver its last words. */
const lingerTime = 500;
/** Control messages that a peer may send, if nothing else is said. */
const usualRate = { burst: 4000, perSecond: 2000 };

export interface SpeakOptions {
  /** Control messages that the peer may send. */
  readonly rate?: Rate;
  /** What comes over the stream, if not its own events tell. */
  readonly feed?: Feed;
}

/** What one side says, and hears of the end. */
export interface Speech {
  /** Queues a control message; it passes chunks that are under way. */
  send(message: Message): void;
  /** Sends chunks that are packed as whole frames; else as `sendChunk`. */
  sendPacked(frames: Buffer, moved: () => void): Promise<void>;
  sendDigests(digests: Digests): Promise<void>;
  /** Resolves when little enough waits to be sent. */
  drained(): Promise<void>;
  /** False while nothing is read, because we are busy with what came. */
  listening(): boolean;
  /** Ends it; `last` still goes out if it can. The first reason stays; none is a friendly end. */
  close(error?: SharingError, last?: Message): void;
  /** Aborted once it is closed, with a SharingError as the reason. */
  readonly signal: AbortSignal;
}

/** Messages and chunks over any duplex stream, with back-pressure both ways. */
export interface Connection extends Speech, AsyncDisposable {
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
  /** Begins to read; called once. */
  receive(receiver: Receiver): void;
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
  const beat = heartbeat(silence, ping, finish);
  const out = writing(duplex, {
    signal,
    onSent: () => {
      beat.sent();
    },
    onFlushed() {
      // Somebody reads what we send, though we do not listen for an answer.
      if (!read.isListening()) beat.heard();
    },
  });
  const read = reading(duplex, {
    feed,
    rate,
    signal,
    onHeard: () => {
      beat.heard();
    },
    came: beat.came,
    onListening: (is) => {
      beat.listening(is);
    },
    onPing(n) {
      out.say({ t: 'pong', n });
    },
    answered: () => out.answered(),
    onFailed: fail,
  });
  let failure: SharingError | undefined;

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

  function ping(n: number): void {
    out.say({ t: 'ping', n });
  }

  function lost(message: string, cause?: Error): void {
    finish(new SharingError('connection-lost', message, {}, cause));
  }

  function fail(error: unknown): void {
    const known = asSharingError(error);
    finish(known, { t: 'error', ...refusalOf(known) });
  }

  function finish(error: SharingError | undefined, last?: Message): void {
    if (signal.aborted) return;
    failure = error;
    beat.stop();
    out.end();
    if (last) out.sayLast(last);
    ending.abort(error ?? new SharingError('connection-lost', 'the session is over'));
    duplex.end();
    // What nobody reads never closes by itself.
    duplex.resume();
    const linger = setTimeout(() => duplex.destroy(), lingerTime).unref();
    duplex.once('close', () => {
      clearTimeout(linger);
    });
  }

  return {
    send: (message) => {
      out.say(message);
    },
    sendChunk: (header, bytes, moved = () => undefined) => out.sendChunk(header, bytes, moved),
    sendWhole: (header, room, moved) => out.sendWhole(header, room, moved),
    sendPacked: (frames, moved) => out.sendPacked(frames, moved),
    async sendDigests(digests) {
      await out.drained();
      signal.throwIfAborted();
      out.write(encodeDigests(digests));
    },
    drained: () => out.drained(),
    receive: (receiver) => {
      read.begin(receiver);
    },
    listening: () => read.isListening(),
    close: finish,
    signal,
    closed,
    async [Symbol.asyncDispose]() {
      duplex.destroy();
      await closed;
    },
  };
}
