import { asSharingError, SharingError } from '#sharing/errors.js';
import { receiveRules } from '#sharing/session/receiving.js';
import { sendWindow } from '#sharing/session/sending.js';
import { chunkCount, digestOf } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Outlet, OutletFile } from '#sharing/transfer/outlet.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { ChunkIntake } from '#sharing/transfer/intakes.js';
import type { ReceiveOutcome, Receiving } from '#sharing/transfer/receive.js';
import { closeOnStall, patience } from '#sharing/transfer/stall.js';
import type { Speech } from '#sharing/transport/connection.js';
import type { Came } from '#sharing/transport/heartbeat.js';
import { chunkSize, digestLength, type ChunkHeader, type Digests } from '#sharing/wire/frame.js';
import type { Want } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

export interface StreamOptions extends OutletFile {
  readonly id: number;
  /** What the receipt calls it. */
  readonly name: SafeName;
  readonly outlet: Outlet;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly stallTime: number;
  readonly onProgress?: OnProgress;
}

/** One file on its way in that nothing but its reader waits for. */
export type Streaming = Omit<Receiving, 'patience' | 'takeBeside'>;

/** One chunk that is here and verified, or comes. */
interface Held {
  readonly header: ChunkHeader;
  readonly buffer: Buffer;
}

/**
 * Takes one file and hands its chunks on in their order, each verified before; nothing is kept (PROTOCOL.md, "Handing on").
 * What waits for the reader is bounded by the sender's window, so the connection is read all the time.
 */
export function startStreaming(connection: Speech, options: StreamOptions): Streaming {
  const { id, name, size, algorithm, outlet, onProgress = () => undefined } = options;
  const rules = receiveRules(size);
  const count = chunkCount(size);
  const held = new Map<number, Held>();
  const free: Buffer[] = [];
  let open: (Held & { fill: number }) | undefined;
  let next = 0;
  /** Digests of what was handed on from a source that may have been another one. */
  let unproven: Buffer = Buffer.alloc(0);
  let handing: Promise<void> | undefined;
  /** Ends that the sender will say once more, because it was reminded of us after it had said it. */
  let repeats = 0;
  let refusal: SharingError | undefined;
  let settle: (outcome: ReceiveOutcome) => void = () => undefined;

  const came: Came = { bytes: 0 };
  const words = 'the sender sends no more bytes';
  const watch = closeOnStall(connection, options.stallTime, howLong, words, came);
  const reminder = setInterval(remind, options.stallTime / 2);
  reminder.unref();

  /** While the reader has something to take, the sender waits for us. */
  function howLong(): number {
    const phase = rules.phase();
    const ours = phase === 'deciding' || phase === 'finishing' || handing !== undefined;
    return ours || !connection.listening() ? 0 : patience.receiver;
  }

  /**
   * A reader that is slow is not dead. The sender hears so by a want that wants nothing more, whenever it is sure what it
   * does then: it cannot have sent all yet, or it has said its end, and says it again.
   */
  function remind(): void {
    if (handing === undefined) return;
    if (rules.phase() === 'finishing') repeats += 1;
    else if (rules.phase() !== 'receiving' || count - next <= sendWindow) return;
    want({ want: 'ranges', file: 0, ranges: [] });
  }

  function decide(): void {
    const before = outlet.begin(options);
    next = before.chunks;
    if (before.sameSource) goOn();
    else {
      unproven = before.digests;
      rules.compare();
      want({ want: 'digests', file: 0 });
    }
  }

  /** The source may be another one: what it begins with must be what was handed on. */
  function compare({ first, digests }: Digests): void {
    if (rules.digests({ id, file: 0, first, digests }) === 'drop') return;
    const expected = unproven.subarray(first * digestLength, first * digestLength + digests.length);
    if (!digests.subarray(0, expected.length).equals(expected)) {
      giveUp(new SharingError('changed', 'the file changed while it was handed on'));
    } else if (first * digestLength + digests.length >= unproven.length) goOn();
  }

  function goOn(): void {
    const missing = new Uint8Array(count).fill(1, next);
    rules.wantChunks(missing);
    want(
      next === 0
        ? { want: 'all', file: 0 }
        : { want: 'ranges', file: 0, ranges: next < count ? [[next, count]] : [] },
    );
    tellProgress();
    // Before a break the reader may have got a chunk that it has not taken yet.
    handing = handOn(outlet.taken());
  }

  /** What comes after a refusal is no movement: a sender has to end it within the time. */
  function moved(): void {
    if (rules.phase() !== 'refusing') watch.moved();
  }

  function want(row: Want): void {
    connection.send({ t: 'want', id, files: [row], more: false });
  }

  function tellProgress(): void {
    onProgress({ phase: 'sending', bytes: Math.min(size, next * chunkSize), size });
  }

  /** A promise is never given: how much may come before we have said `got` is bounded. */
  function begin(header: ChunkHeader): void {
    open = undefined;
    if (header.file !== 0)
      throw new SharingError('protocol', `file ${header.file} is not received`);
    if (rules.chunk(header) !== 'take') return;
    if (held.size >= sendWindow) throw new SharingError('protocol', 'more chunks than the window');
    open = { header, buffer: free.pop() ?? newBuffer(), fill: 0 };
  }

  function newBuffer(): Buffer {
    return Buffer.allocUnsafe(Math.min(size, chunkSize));
  }

  function add(bytes: Buffer): void {
    if (!open) return;
    open.buffer.set(bytes, open.fill);
    open.fill += bytes.length;
    came.bytes += bytes.length;
    const { header, buffer, fill } = open;
    if (fill < header.length) return;
    open = undefined;
    if (!digestOf(algorithm, buffer.subarray(0, header.length)).equals(header.digest)) {
      giveUp(new SharingError('damaged', `chunk ${header.chunk} has another digest`));
      return;
    }
    held.set(header.chunk, { header, buffer });
    if (held.has(next)) handing ??= handOn();
  }

  async function handOn(before?: Promise<void>): Promise<void> {
    try {
      if (before) await before;
      for (let one = held.get(next); one && isWanted(); one = held.get(next)) {
        const { header, buffer } = one;
        await outlet.write(buffer.subarray(0, header.length), header.digest);
        held.delete(next);
        free.push(buffer);
        next += 1;
        if (!isWanted()) break;
        rules.landed(header.chunk);
        connection.send({ t: 'got', id, file: 0, chunk: header.chunk });
        watch.moved();
        tellProgress();
      }
    } catch (error) {
      giveUp(asSharingError(error, 'write-failed'));
    }
    handing = undefined;
    finish();
  }

  function isWanted(): boolean {
    return rules.phase() === 'receiving' || rules.phase() === 'finishing';
  }

  /** All was sent, and all was taken. */
  function finish(): void {
    if (rules.phase() !== 'finishing' || repeats > 0 || handing !== undefined) return;
    const facts = { as: name, size, digest: outlet.digest() };
    connection.send({ t: 'receipt', id, file: 0, ...facts });
    over({ kind: 'received', ...facts });
  }

  function giveUp(error: SharingError): void {
    const phase = rules.phase();
    if (refusal || phase === 'over') return;
    refusal = error;
    open = undefined;
    held.clear();
    const said = refusalOf(error);
    if (phase === 'deciding') want({ want: 'refused', file: 0, ...said });
    else connection.send({ t: 'fail', id, file: 0, ...said });
    if (phase === 'deciding' || phase === 'finishing') over({ kind: 'failed', error });
    else rules.refuse();
  }

  function over(outcome: ReceiveOutcome): void {
    rules.finish();
    settle(outcome);
  }

  function hearEnd(): void {
    if (rules.phase() === 'finishing' && repeats > 0) {
      repeats -= 1;
      finish();
      return;
    }
    const verdict = rules.end();
    if (verdict === 'take') finish();
    else if (verdict === 'drop') over({ kind: 'failed', error: refusal ?? cancelled() });
  }

  async function run(): Promise<ReceiveOutcome> {
    const { signal } = connection;
    let release = (): void => undefined;
    try {
      return await new Promise<ReceiveOutcome>((resolve, reject) => {
        settle = resolve;
        const onAbort = (): void => {
          // What is all here is handed on, whoever left meanwhile.
          if (rules.phase() === 'finishing') {
            repeats = 0;
            finish();
            return;
          }
          rules.finish();
          reject(asSharingError(signal.reason));
        };
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        release = () => {
          signal.removeEventListener('abort', onAbort);
        };
        try {
          decide();
        } catch (error) {
          giveUp(asSharingError(error));
        }
      });
    } finally {
      release();
      clearInterval(reminder);
      watch[Symbol.dispose]();
    }
  }

  return {
    tell(frame) {
      if (frame.t === 'offer' || frame.t === 'stop' || frame.file !== 0) {
        throw new SharingError('protocol', `${frame.t} is not legal for this file`);
      }
      moved();
      if (frame.t === 'digests') compare(frame);
      else if (frame.t === 'end') hearEnd();
      else if (rules.failed() === 'take') {
        over({ kind: 'failed', error: refusal ?? refusedBy(frame) });
      } else giveUp(refusedBy(frame));
      return undefined;
    },
    intake: (): ChunkIntake => ({
      chunk(header) {
        begin(header);
        return undefined;
      },
      data: add,
      lost: () => undefined,
    }),
    cancel() {
      giveUp(cancelled());
    },
    abandon(error) {
      if (rules.phase() !== 'over') over({ kind: 'failed', error });
    },
    outcome: run(),
  };
}

function cancelled(): SharingError {
  return new SharingError('cancelled', 'cancelled by the receiver');
}
