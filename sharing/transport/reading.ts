import type { Incoming } from '#sharing/session/incoming.js';
import { bucket, type Rate } from '#sharing/transport/bucket.js';
import type { Feed } from '#sharing/transport/feed.js';
import type { Came } from '#sharing/transport/heartbeat.js';
import { frameDecoder, type Frame } from '#sharing/wire/frame.js';
import { decode } from '#sharing/wire/message.js';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** Takes what arrived; while its promise is pending nothing more is read. */
export type Receiver = (incoming: Incoming) => Promise<void> | undefined;

/** What comes in over a stream, frame by frame. */
export interface Reading {
  /** Begins to read; called once. Beats never reach the receiver. */
  begin(receiver: Receiver): void;
  /** False while nothing is read, because we are busy with what came. */
  isListening(): boolean;
}

export interface ReadingOptions {
  readonly feed: Feed;
  /** Control messages that the peer may send; what comes faster waits. */
  readonly rate: Rate;
  readonly signal: AbortSignal;
  /** The peer gave a sign of life, or need not: it waits for us. */
  readonly onHeard: () => void;
  /** Where bytes of chunks are counted; single ones are no sign of life. */
  readonly came: Came;
  /** False while we are busy ourselves, and the peer's silence says nothing. */
  readonly onListening: (listening: boolean) => void;
  readonly onPing: (n: number) => void;
  /** While a promise of it is pending the peer is not heard: it has answers to read. */
  readonly answered: () => Promise<void> | undefined;
  readonly onFailed: (error: unknown) => void;
}

export function reading(duplex: Duplex, options: ReadingOptions): Reading {
  const { feed, rate, signal, onHeard, came, onListening, onFailed } = options;
  const decoder = frameDecoder();
  const messages = bucket(rate, () => performance.now());
  let listening = true;
  // Asked for every TLS record, and a signal takes longer to ask.
  let isOver = signal.aborted;
  signal.addEventListener('abort', () => {
    isOver = true;
  });

  function take(frame: Frame, receiver: Receiver): Promise<void> | undefined {
    if (frame.t === 'data') came.bytes += frame.bytes.length;
    else onHeard();
    if (frame.t !== 'message' || messages.take()) return handle(frame, receiver);
    return turn().then(() => (isOver ? undefined : handle(frame, receiver)));
  }

  function isListening(): boolean {
    return listening;
  }

  /** Resolves when the peer may send one message more. */
  async function turn(): Promise<void> {
    while (!isOver && !messages.take()) {
      await delay(messages.wait(), undefined, { signal }).catch(() => undefined);
    }
  }

  function handle(frame: Frame, receiver: Receiver): Promise<void> | undefined {
    const incoming = frame.t === 'message' ? decode(frame.body) : frame;
    if (incoming.t === 'pong') return undefined;
    if (incoming.t !== 'ping') return receiver(incoming);
    options.onPing(incoming.n);
    return undefined;
  }

  /** While we are busy ourselves the peer's silence says nothing. While it does not read, it does. */
  async function whileDeaf(busy: Promise<void>): Promise<void> {
    onListening(false);
    try {
      await busy;
    } finally {
      onListening(true);
    }
  }

  /** Runs without a promise as long as the receiver does: this is called for every TLS record. */
  function deliver(receiver: Receiver): Promise<void> | undefined {
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      if (isOver) return undefined;
      const busy = take(frame, receiver);
      if (busy) return whileDeaf(busy).then(() => deliver(receiver));
    }
    // A peer that asks without reading the answers is not heard until it has read them. Chunks do not count: they wait
    // for their turn, and two that both send some would wait for one another.
    return options.answered();
  }

  return {
    begin(receiver) {
      /** What still comes from a stream that was paused. */
      const late: Buffer[] = [];

      /** The inner bytes of a chunk, which are the most that comes, go the shortest way. */
      function takeInner(bytes: Buffer): Promise<void> | undefined {
        if (isOver) return undefined;
        came.bytes += bytes.length;
        const busy = receiver({ t: 'data', bytes });
        return busy && whileDeaf(busy);
      }

      function takeFrames(bytes: Buffer): Promise<void> | undefined {
        decoder.push(bytes);
        return deliver(receiver);
      }

      function takeBytes(bytes: Buffer): void {
        if (!listening) {
          late.push(Buffer.from(bytes));
          return;
        }
        try {
          const busy = decoder.passes(bytes) ? takeInner(bytes) : takeFrames(bytes);
          if (busy) waitFor(busy);
        } catch (error) {
          onFailed(error);
        }
      }

      function waitFor(busy: Promise<void>): void {
        // The next bytes may come in the place of these.
        decoder.keep();
        listening = false;
        duplex.pause();
        busy.catch(onFailed).finally(goOn);
      }

      function goOn(): void {
        listening = true;
        onHeard();
        for (let bytes = late.shift(); bytes; bytes = late.shift()) {
          takeBytes(bytes);
          if (!isListening()) return;
        }
        duplex.resume();
      }

      feed.listen(takeBytes);
      duplex.resume();
    },
    isListening,
  };
}
