import { asSharingError, SharingError, writeError } from '#sharing/errors.js';
import type { FromSender } from '#sharing/session/incoming.js';
import { receiveRules } from '#sharing/session/receiving.js';
import { chunkLength } from '#sharing/storage/digest.js';
import type { Landing, Published } from '#sharing/storage/landing.js';
import { assemble } from '#sharing/transfer/assembly.js';
import { takingBeside, type StartBeside } from '#sharing/transfer/beside.js';
import { openIntakes, type ChunkIntake } from '#sharing/transfer/intakes.js';
import { judging, type Here, type Judged } from '#sharing/transfer/judging.js';
import { landedWords } from '#sharing/transfer/landed.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { Missing } from '#sharing/transfer/resuming.js';
import { closeOnStall, noWatch, patience } from '#sharing/transfer/stall.js';
import type { Speech } from '#sharing/transport/connection.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';
import type { Want } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

/** How one file ended, from the receiver's side. */
export type ReceiveOutcome =
  | ({ readonly kind: 'received' } & Published)
  | Here
  | {
      readonly kind: 'failed';
      readonly error: SharingError;
      /** The sender gave it up: that says nothing of what is here. */
      readonly byPeer?: true;
    };

/** One file on its way in. A pending promise means: read no further. */
export interface Receiving {
  tell(frame: FromSender): Promise<void> | undefined;
  /** Takes the bytes that come over one connection; each has its own. `endLane` closes one that is a lane. */
  intake(endLane?: () => void): ChunkIntake;
  /** Takes some of the chunks in a thread of its own, if there are some to take. */
  takeBeside(start: StartBeside): Promise<void>;
  /** How many stall times the sender may be silent now; 0 while it waits for us. */
  patience(): number;
  /** Gives it up; the sender is told, and the outcome waits for its last word. */
  cancel(): void;
  /** Ends it without a word, because the other side has said the last one. */
  abandon(error: SharingError): void;
  /**
   * How it ended. Rejects with a SharingError when the connection ended first; a file that was being
   * saved by then is saved all the same.
   */
  readonly outcome: Promise<ReceiveOutcome>;
}

export interface ReceiveOptions extends Judged {
  readonly id: number;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly stallTime: number;
  /** In a batch: who watches all of it. */
  readonly watch?: { moved(): void };
  readonly onProgress?: OnProgress;
}

const noMore = 'the sender sends no more bytes';

/** Judges an offer, then takes what it wants of it until the receipt (PROTOCOL.md, "Transfer"). */
export function startReceiving(connection: Speech, options: ReceiveOptions): Receiving {
  const { id, file, size, onProgress = () => undefined } = options;
  const rules = receiveRules(size);
  const assembly = assemble(size, land);
  const words = landedWords((got) => {
    // After a refusal, and after the last word, there is nothing to confirm.
    if (isOpen()) connection.send(got);
  }, options);
  const working = new Set<Promise<void>>();
  const takenBack = new AbortController();
  const beside = takingBeside({
    ...options,
    rules,
    isElsewhere: (chunk) => assembly.holds(chunk),
    guarded,
    onLanded(chunk) {
      moved();
      hasLanded(chunk);
    },
    onFailed: giveUp,
  });
  const judge = judging({
    ...options,
    rules,
    want,
    onProgress,
    onHere: over,
    onLanding(opened) {
      landing = opened;
    },
    onMissing(missing, wasLookedAt) {
      if (wasLookedAt) confirmed = had = bytesBut(missing);
      wantMissing(missing);
      if (!wasLookedAt) void guarded(() => verifyClaims(missing.chunks));
    },
  });
  let landing: Landing | undefined;
  let verifying = false;
  let saving = false;
  let confirmed = 0;
  /** Bytes that lay here already. */
  let had = 0;
  let refusal: SharingError | undefined;
  /** Why the sender gave it up. */
  let theirs: SharingError | undefined;
  let settle: (outcome: ReceiveOutcome) => void = () => undefined;

  const watch = options.watch
    ? noWatch(options.watch)
    : closeOnStall(connection, options.stallTime, howLong, noMore, assembly.came);
  const openIntake = openIntakes({ file, rules, assembly, beside });

  /** While we decide, compare, write, save, or cannot take more, the sender waits for us. */
  function howLong(): number {
    const phase = rules.phase();
    if (phase === 'deciding' || phase === 'finishing' || !connection.listening()) return 0;
    // Where there are lanes it says its end only when all has landed.
    return assembly.isBusy() ? 0 : patience.receiver;
  }

  /** What comes after a refusal is no movement: a sender has to end it within the time. */
  function moved(): void {
    if (rules.phase() !== 'refusing') watch.moved();
  }

  /** Bytes of what need not come. */
  function bytesBut({ chunks }: Missing): number {
    return chunks.reduce((sum, one, chunk) => sum + (one === 0 ? chunkLength(size, chunk) : 0), 0);
  }

  function wantMissing({ chunks, ranges }: Missing): void {
    rules.wantChunks(chunks);
    const all = chunks.every((one) => one === 1);
    want(all ? { want: 'all', file } : { want: 'ranges', file, ranges });
    onProgress({ phase: 'sending', bytes: confirmed, had, size });
  }

  /** While the missing chunks travel, those that lie here are read again; what is not good travels too. */
  async function verifyClaims(missing: Uint8Array): Promise<void> {
    verifying = true;
    for (let chunk = 0; chunk < missing.length; chunk += 1) {
      if (missing[chunk] === 1 || rules.phase() === 'refusing' || rules.phase() === 'over')
        continue;
      takenBack.signal.throwIfAborted();
      if ((await landing?.verify(chunk)) === true) {
        had += chunkLength(size, chunk);
        confirm(chunk);
        continue;
      }
      // It would have to come again, and nobody is there to send it, or it is not wanted any more.
      takenBack.signal.throwIfAborted();
      connection.signal.throwIfAborted();
      rules.wantAlso(chunk);
      want({ want: 'ranges', file, ranges: [[chunk, chunk + 1]] });
    }
    verifying = false;
    if (rules.phase() === 'finishing') await finish();
  }

  function confirm(chunk: number): void {
    confirmed += chunkLength(size, chunk);
    onProgress({ phase: 'sending', bytes: confirmed, had, size });
  }

  function want(row: Want): void {
    watch.moved();
    connection.send({ t: 'want', id, files: [row], more: false });
  }

  async function land(header: ChunkHeader, bytes: Buffer): Promise<void> {
    await guarded(async () => {
      await landing?.write(header.chunk, bytes, header.digest);
      hasLanded(header.chunk);
    });
  }

  function hasLanded(chunk: number): void {
    rules.landed(chunk);
    if (!isOpen()) return;
    confirm(chunk);
    words.landed(chunk, !assembly.holdsOther(chunk));
  }

  function isOpen(): boolean {
    return rules.phase() === 'receiving' || rules.phase() === 'finishing';
  }

  async function finish(): Promise<void> {
    // What was asked for while the rest was written may have come meanwhile, and its end too.
    while (assembly.isBusy()) await assembly.idle();
    // What lies here is still looked at, and may have to travel yet.
    if (verifying || saving || rules.phase() !== 'finishing' || !landing) return;
    saving = true;
    onProgress({ phase: 'saving', bytes: size, size });
    const published = await landing.publish(takenBack.signal);
    connection.send({ t: 'receipt', id, file, ...published });
    over({ kind: 'received', ...published });
  }

  /** Whoever ends a file that is being saved asks: it may have its name already, and then it is received. */
  function stop(error: SharingError): void {
    if (rules.phase() === 'finishing') takenBack.abort(error);
    else giveUp(error);
  }

  /** A file that cannot be taken ends by itself; the session goes on. */
  function guarded(work: () => Promise<void>): Promise<void> {
    const done = work()
      .catch((error: unknown) => {
        giveUp(writeError(error));
      })
      .finally(() => working.delete(done));
    working.add(done);
    return done;
  }

  function giveUp(error: SharingError): void {
    const phase = rules.phase();
    if (refusal || phase === 'over') return;
    refusal = error;
    assembly.drop();
    // The room is somebody else's from now on, however long the sender takes to notice.
    void guarded(async () => {
      await beside.end();
      // Nothing writes by a descriptor that is closed, and may be another file's by then.
      await assembly.idle();
      await landing?.leave(isWorthKeeping(error));
    });
    const said = refusalOf(error);
    if (phase === 'deciding') want({ want: 'refused', file, ...said });
    else connection.send({ t: 'fail', id, file, ...said });
    // A sender that waits for our word gets it now; one that sends has to close what is under way.
    if (phase === 'deciding' || phase === 'finishing') over({ kind: 'failed', error });
    else rules.refuse();
  }

  function over(outcome: ReceiveOutcome): void {
    rules.finish();
    const byPeer = outcome.kind === 'failed' && outcome.error === theirs;
    settle(byPeer ? { ...outcome, byPeer } : outcome);
  }

  async function run(): Promise<ReceiveOutcome> {
    const { signal } = connection;
    let release = (): void => undefined;
    try {
      return await new Promise<ReceiveOutcome>((resolve, reject) => {
        settle = resolve;
        const onAbort = (): void => {
          // Nothing more is needed from the other side: what is all here is saved, whoever left meanwhile.
          if (rules.phase() === 'finishing') return;
          rules.finish();
          reject(asSharingError(signal.reason));
        };
        if (signal.aborted) onAbort();
        signal.addEventListener('abort', onAbort, { once: true });
        release = () => {
          signal.removeEventListener('abort', onAbort);
        };
        void guarded(() => judge.decide());
      });
    } finally {
      release();
      words.end();
      watch[Symbol.dispose]();
      // Nothing may use the folder once the outcome is known: its owner lets go of it then.
      await beside.end();
      while (working.size > 0) await Promise.all(working);
      await judge[Symbol.asyncDispose]();
      await landing?.leave(refusal === undefined || isWorthKeeping(refusal));
    }
  }

  return {
    patience: howLong,
    tell(frame) {
      if (frame.t === 'offer' || frame.t === 'stop') {
        throw new SharingError('protocol', `${frame.t} is not legal for one file`);
      }
      if (frame.file !== file) {
        throw new SharingError('protocol', `file ${frame.file} is not received`);
      }
      moved();
      if (frame.t === 'digests') {
        if (rules.digests(frame) === 'drop') return undefined;
        return guarded(() => judge.compare(frame.first, frame.digests));
      }
      if (frame.t === 'fail') {
        theirs = refusedBy(frame);
        const error = refusal ?? theirs;
        if (rules.failed() === 'take') over({ kind: 'failed', error });
        else stop(error);
      } else {
        const verdict = rules.end();
        if (verdict === 'take') void guarded(finish);
        else if (verdict === 'drop') {
          over({ kind: 'failed', error: refusal ?? new SharingError('cancelled', 'given up') });
        }
      }
      return undefined;
    },
    takeBeside: (start) => guarded(async () => landing && beside.start(start, landing)),
    intake: openIntake,
    cancel() {
      stop(new SharingError('cancelled', 'cancelled by the receiver'));
    },
    abandon(error) {
      if (rules.phase() === 'finishing') stop(error);
      else if (rules.phase() !== 'over') over({ kind: 'failed', error });
    },
    outcome: run(),
  };
}

/** After a failure of the disk nothing of what was written can be relied on. */
function isWorthKeeping({ code }: SharingError): boolean {
  return code !== 'write-failed' && code !== 'internal';
}
