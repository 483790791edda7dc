import { asSharingError, SharingError } from '#sharing/errors.js';
import type { FromReceiver } from '#sharing/session/incoming.js';
import {
  chunksGot,
  sendRules,
  type FileReport,
  type SendOutcome,
} from '#sharing/session/sending.js';
import { believed } from '#sharing/transfer/belief.js';
import { chunkCount, chunkLength, type DigestAlgorithm } from '#sharing/storage/digest.js';
import type { Source } from '#sharing/storage/source.js';
import { hashedSource } from '#sharing/transfer/hashed-source.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { closeOnStall, noWatch, patience } from '#sharing/transfer/stall.js';
import type { Carrier, Road } from '#sharing/transport/lane.js';
import { chunkSize, packedHeaderLength } from '#sharing/wire/frame.js';
import type { Message } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** Chunks that are read ahead or still being written to a socket; a further lane has one more. */
const bufferCount = 3;
const maxBuffers = 4;

/** One file on its way out. */
export interface Sending {
  /** What the receiver said. Throws SharingError `protocol` when it may not say that now. */
  tell(message: FromReceiver): void;
  /** The same of this one file, in a batch. */
  report(message: FileReport): void;
  /** How many stall times the receiver may be silent now; 0 while we are busy ourselves. */
  patience(): number;
  /** Stops it; the receiver is told. */
  cancel(): void;
  /** Ends it without a word, because the other side has said the last one. */
  abandon(): void;
  /** How it ended. Rejects with a SharingError when the connection ended first. */
  readonly outcome: Promise<SendOutcome>;
}

export interface SendOptions {
  readonly id: number;
  readonly file: number;
  readonly source: Source;
  readonly algorithm: DigestAlgorithm;
  /** The receiver may leave it alone. */
  readonly maySkip: boolean;
  /** Milliseconds without any movement after which the connection is given up. */
  readonly stallTime: number;
  /** In a batch: who watches all of it. */
  readonly watch?: { moved(): void };
  /** It is all that the connection carries: what a broken lane took with it is sent again. */
  readonly alone?: boolean;
  readonly onProgress?: OnProgress;
}

/** Answers what the receiver wants of an offered file, until its last word (PROTOCOL.md, "Transfer"). */
export function startSending(connection: Road, options: SendOptions): Sending {
  const { id, file, source, algorithm, onProgress = () => undefined } = options;
  const { size } = source;
  const rules = sendRules(chunkCount(size));
  const buffers: Buffer<ArrayBuffer>[] = [];
  const hashed = hashedSource(source, algorithm);
  const underWay = new Set<Promise<void>>();
  /** What each chunk went over that is not confirmed. */
  const carriers = new Map<number, Carrier>();
  let confirmed = 0;
  /** Bytes that the receiver had already. */
  let had = 0;
  let made = 0;
  let wake: () => void = () => undefined;

  /** Bytes that left and words that came count as movement; that the other side lives does not. */
  const watch = options.watch
    ? noWatch(options.watch)
    : closeOnStall(connection, options.stallTime, howLong, 'the receiver does not go on');

  /** A slow disk of our own is not the receiver's fault. */
  function howLong(): number {
    if (hashed.isReading() || !connection.listening()) return 0;
    return rules.receiverIsBusy() ? patience.saving : patience.sender;
  }

  async function run(): Promise<SendOutcome> {
    for (;;) {
      // Its last word counts, though the receiver hangs up right after it.
      if (rules.phase() !== 'over') connection.signal.throwIfAborted();
      const action = rules.next();
      switch (action.do) {
        case 'stop':
          return compared(action.outcome);
        case 'wait':
          await waitForNews();
          break;
        case 'acknowledge':
          await sayLast({ t: 'end', id, file });
          break;
        case 'retract':
          await sayLast({ t: 'fail', id, file, ...refusalOf(action.error) });
          break;
        default:
          await guarded(() => act(action));
      }
    }
  }

  /** With what was sent; a receiver that names other content has something else. */
  async function compared(outcome: SendOutcome): Promise<SendOutcome> {
    try {
      const digest = 'digest' in outcome ? await hashed.digest() : undefined;
      return believed({ size, digest, maySkip: options.maySkip }, outcome);
    } catch (error) {
      return { kind: 'failed', error: asSharingError(error, 'read-failed') };
    }
  }

  async function act(
    action:
      | { readonly do: 'digests'; readonly first: number; readonly count: number }
      | { readonly do: 'chunk'; readonly chunk: number }
      | { readonly do: 'end' },
  ): Promise<void> {
    if (action.do === 'chunk') return sendChunk(action.chunk);
    if (action.do === 'digests') return sendDigests(action.first, action.count);
    await source.check();
    await Promise.all(underWay);
    // What went over a lane may come after a word that is said later.
    while (rules.phase() === 'ending' && connection.hasLane() && rules.unconfirmed() > 0) {
      await waitForNews();
      connection.signal.throwIfAborted();
    }
    // More may be wanted by now.
    if (rules.phase() !== 'ending') return;
    rules.ended();
    connection.send({ t: 'end', id, file });
    onProgress({ phase: 'saving', bytes: confirmed, size });
    // While the receiver saves there is time for what its receipt is compared with.
    void hashed.digest().catch(() => undefined);
  }

  /** A source that fails ends this file, not the session. */
  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (connection.signal.aborted) throw error;
      rules.giveUp(asSharingError(error, 'read-failed'));
    }
  }

  /** Messages pass chunks; this one must not overtake any. */
  async function sayLast(message: Message): Promise<void> {
    await Promise.all(underWay);
    connection.send(message);
  }

  async function waitForNews(): Promise<void> {
    // Who waits from now on would not hear of it any more.
    connection.signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }

  async function freeBuffer(): Promise<Buffer<ArrayBuffer>> {
    for (;;) {
      connection.signal.throwIfAborted();
      const buffer = buffers.pop() ?? newBuffer();
      if (buffer) return buffer;
      await Promise.race(underWay);
    }
  }

  function newBuffer(): Buffer<ArrayBuffer> | undefined {
    const enough = Math.min(connection.lanes() > 1 ? maxBuffers : bufferCount, chunkCount(size));
    if (made >= enough) return undefined;
    made += 1;
    return Buffer.allocUnsafe(packedHeaderLength + Math.min(size, chunkSize));
  }

  /** What went over a lane that broke, and has not arrived, goes out again. */
  function lanesLost(): void {
    for (const [chunk, carrier] of carriers) {
      if (!carrier.isLost()) continue;
      carriers.delete(chunk);
      rules.lost(chunk);
    }
    wake();
  }

  async function sendChunk(chunk: number): Promise<void> {
    const buffer = await freeBuffer();
    const length = chunkLength(size, chunk);
    const bytes = buffer.subarray(packedHeaderLength, packedHeaderLength + length);
    let digest: Buffer;
    try {
      digest = await hashed.read(chunk, bytes);
    } catch (error) {
      buffers.push(buffer);
      throw error;
    }
    // Much can be said while a disk reads: what is not wanted any more does not go out.
    if (rules.phase() !== 'sending') {
      buffers.push(buffer);
      return;
    }
    const carrier = connection.carrier();
    carriers.set(chunk, carrier);
    const sent = carrier
      .sendWhole({ id, file, chunk, length, digest }, buffer, () => {
        watch.moved();
      })
      .catch(() => undefined)
      .then(() => {
        buffers.push(buffer);
        underWay.delete(sent);
      });
    underWay.add(sent);
  }

  async function sendDigests(first: number, count: number): Promise<void> {
    const page = await hashed.page(first, count);
    if (rules.phase() !== 'digesting') return;
    await connection.sendDigests({ id, file, first, digests: page });
    watch.moved();
    onProgress({ phase: 'comparing', bytes: Math.min(size, (first + count) * chunkSize), size });
  }

  const onAbort = (): void => {
    wake();
  };
  if (options.alone === true) connection.surviveLanes(lanesLost);
  connection.signal.addEventListener('abort', onAbort, { once: true });

  function report(message: FileReport): void {
    if (message.file !== file)
      throw new SharingError('protocol', `file ${message.file} is not sent`);
    watch.moved();
    const begins = rules.phase() === 'offered' || rules.phase() === 'digesting';
    rules.receive(message);
    if ('want' in message && message.want === 'ranges') {
      const wanted = bytesIn(message.ranges, size);
      // What is not wanted lies there already.
      if (begins) confirmed = had = size - wanted;
      else {
        // What lay there was not good after all.
        const spoilt = Math.min(had, wanted);
        had -= spoilt;
        confirmed -= spoilt;
      }
    }
    if ('t' in message && message.t === 'got') {
      for (const chunk of chunksGot(message)) {
        carriers.delete(chunk);
        confirmed += chunkLength(size, chunk);
      }
      onProgress({ phase: 'sending', bytes: confirmed, had, size });
    }
    wake();
  }

  return {
    tell(message) {
      for (const one of reportsIn(message)) report(one);
    },
    report,
    patience: howLong,
    cancel() {
      rules.giveUp(new SharingError('cancelled', 'cancelled by the sender'));
      wake();
    },
    abandon() {
      rules.abandon();
      wake();
    },
    outcome: run().finally(async () => {
      connection.signal.removeEventListener('abort', onAbort);
      watch[Symbol.dispose]();
      // Nothing of it follows its last word.
      await Promise.all(underWay);
      await source[Symbol.asyncDispose]();
    }),
  };
}

/** What is said of a transfer of one file. */
function reportsIn(message: FromReceiver): readonly FileReport[] {
  switch (message.t) {
    case 'want':
      if (message.all) break;
      return message.files;
    case 'got':
    case 'receipt':
    case 'fail':
      return [message];
    default:
  }
  throw new SharingError('protocol', `${message.t} is not legal for one file`);
}

function bytesIn(ranges: readonly (readonly [number, number])[], size: number): number {
  return ranges.reduce(
    (sum, [from, to]) => sum + Math.min(size, to * chunkSize) - from * chunkSize,
    0,
  );
}
