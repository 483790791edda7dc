import { asSharingError, SharingError, writeError } from '#sharing/errors.js';
import type { FromSender } from '#sharing/session/incoming.js';
import { receiveRules } from '#sharing/session/receiving.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { lookAlikes, openComparison, type Comparison } from '#sharing/storage/identical.js';
import {
  openLanding,
  type Expected,
  type Landing,
  type Published,
} from '#sharing/storage/landing.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf, type Standing } from '#sharing/storage/policy.js';
import type { Room } from '#sharing/storage/room.js';
import { chunkCount, chunkLength } from '#sharing/storage/digest.js';
import {
  compareWithSource,
  missingBut,
  type Missing,
  type SourceComparison,
} from '#sharing/transfer/resuming.js';
import { assemble, type Intake } from '#sharing/transfer/assembly.js';
import { takingBeside, type StartBeside } from '#sharing/transfer/beside.js';
import { landedWords } from '#sharing/transfer/landed.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { closeOnStall, noWatch, patience } from '#sharing/transfer/stall.js';
import type { Connection } from '#sharing/transport/connection.js';
import { drip } from '#sharing/transport/heartbeat.js';
import { chunkSize, digestLength, type ChunkHeader } from '#sharing/wire/frame.js';
import type { Want } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

/** How one file ended, from the receiver's side. */
export type ReceiveOutcome =
  | ({ readonly kind: 'received' | 'identical' } & Published)
  | { readonly kind: 'skipped'; readonly as: SafeName }
  | {
      readonly kind: 'failed';
      readonly error: SharingError;
      /** The sender gave it up: that says nothing of what is here. */
      readonly byPeer?: true;
    };

/** Takes chunks as they come over one connection. A pending promise means: read no further. */
export interface ChunkIntake {
  chunk(header: ChunkHeader): Promise<void> | undefined;
  data(bytes: Buffer): void;
  /** The connection is lost: what came in part will come again. */
  lost(): void;
}

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

export interface ReceiveOptions extends Expected {
  readonly id: number;
  readonly file: number;
  /** Opened when it is needed, so that nothing is made for an offer that is refused. */
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** Files with numbered names are compared too, unless this says no. */
  readonly withSiblings?: boolean;
  /** What stands under the name is not the same; it may make place. */
  readonly onDifferent?: () => Promise<void>;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly stallTime: number;
  /** In a batch: who watches all of it. */
  readonly watch?: { moved(): void };
  readonly onProgress?: OnProgress;
}

/** Judges an offer, then takes what it wants of it until the receipt (PROTOCOL.md, "Transfer"). */
export function startReceiving(connection: Connection, options: ReceiveOptions): Receiving {
  const { id, file, room, name, size, algorithm, onProgress = () => undefined } = options;
  const rules = receiveRules(size);
  const assembly = assemble(size, land);
  const words = landedWords((got) => {
    // After a refusal, and after the last word, there is nothing to confirm.
    if (isOpen()) connection.send(got);
  }, options);
  const working = new Set<Promise<void>>();
  /** What ends the lanes that chunks come over. */
  const lanes = new Map<Intake, () => void>();
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
  let comparison: Comparison | undefined;
  let landing: Landing | undefined;
  let standing: Standing = 'beside';
  let resuming: SourceComparison | undefined;
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
    : closeOnStall(connection, options.stallTime, howLong, 'the sender sends no more bytes');
  const dripped = drip(moved);

  /** While we decide, compare, write, save, or cannot take more, the sender waits for us. */
  function howLong(): number {
    const phase = rules.phase();
    if (phase === 'deciding' || phase === 'finishing' || !connection.listening()) return 0;
    // Where there are lanes it says its end only when all has landed.
    return assembly.isBusy() ? 0 : patience.receiver;
  }

  async function decide(): Promise<void> {
    const area = await options.area();
    standing = await standingOf(area.target, name, options.policy, options.mtime);
    if (rules.phase() !== 'deciding') return;
    if (standing === 'skip') {
      want({ want: 'nothing', file, reason: 'skipped', as: name });
      over({ kind: 'skipped', as: name });
      return;
    }
    const siblings = standing === 'beside' && options.withSiblings !== false;
    const names = await lookAlikes(area.target, name, size, siblings);
    if (rules.phase() !== 'deciding') return;
    comparison = await openComparison(area.target, names, size, algorithm);
    await nextStep();
  }

  /** What comes after a refusal is no movement: a sender has to end it within the time. */
  function moved(): void {
    if (rules.phase() !== 'refusing') watch.moved();
  }

  function mustBeOurs(number: number): void {
    if (number !== file) throw new SharingError('protocol', `file ${number} is not received`);
  }

  /** After each comparison: the same file is here, or may still be, or is not. */
  async function nextStep(): Promise<void> {
    const phase = rules.phase();
    if (!comparison || (phase !== 'deciding' && phase !== 'comparing')) return;
    const same = await comparison.same();
    if (rules.phase() !== phase) return;
    if (same) {
      want({ want: 'nothing', file, reason: 'identical', ...same });
      over({ kind: 'identical', size, ...same });
    } else if (!comparison.hopeful()) {
      await options.onDifferent?.();
      if (rules.phase() !== phase) return;
      landing = await openLanding(await options.area(), room, options);
      // It may have been given up while the partial was made.
      if (rules.phase() === phase) await begin(landing, phase === 'comparing');
    } else if (phase === 'deciding') {
      rules.compare();
      want({ want: 'digests', file });
    }
  }

  /** Asks for what does not lie here from an earlier time, or first for the digests that tell what does. */
  async function begin(from: Landing, hadDigests: boolean): Promise<void> {
    const { claims, sameSource } = from;
    if (sameSource) {
      const missing = missingBut(claims);
      wantMissing(missing);
      void guarded(() => verifyClaims(missing.chunks));
    } else if (claims.includes(1) && !hadDigests) {
      resuming = compareWithSource(from, size);
      rules.compare();
      want({ want: 'digests', file });
    } else {
      const none = new Uint8Array(chunkCount(size));
      const phase = rules.phase();
      await from.retag(none);
      if (rules.phase() === phase) wantMissing(missingBut(none));
    }
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

  async function compare(first: number, digests: Buffer): Promise<void> {
    await (resuming ?? comparison)?.compare(digests);
    const compared = (first + digests.length / digestLength) * chunkSize;
    onProgress({ phase: 'comparing', bytes: Math.min(size, compared), size });
    if (resuming) await goOn(resuming);
    else await nextStep();
  }

  /** The source is not what it was: only chunks that differ travel. */
  async function goOn(compared: SourceComparison): Promise<void> {
    const good = compared.good();
    if (!good || rules.phase() !== 'comparing') return;
    const missing = missingBut(good);
    await landing?.retag(missing.chunks.map((one) => 1 - one));
    if (rules.phase() !== 'comparing') return;
    missing.chunks.forEach((one, chunk) => {
      if (one === 0) confirmed += chunkLength(size, chunk);
    });
    had = confirmed;
    wantMissing(missing);
  }

  async function land(header: ChunkHeader, bytes: Buffer): Promise<void> {
    await guarded(async () => {
      await landing?.write(header.chunk, bytes, header.digest);
      hasLanded(header.chunk);
    });
  }

  /**
   * A chunk comes that another connection has taken: its sender gave up one of the two as lost. That is never the session's
   * own. Of two lanes nobody can tell, so the other one ends, and the sender sends again what was lost with either.
   */
  async function takeOver(header: ChunkHeader, own: Intake): Promise<void> {
    const { chunk } = header;
    const other = assembly.holder(chunk);
    const isLate = lanes.has(own) && other && !lanes.has(other);
    if (isLate) return;
    if (other) {
      lanes.get(other)?.();
      other.drop();
      rules.lost(chunk);
    }
    await beside.end();
    await assembly.idle();
    await beside.noted(chunk);
    const verdict = rules.chunk(header);
    if (verdict === 'take') await own.begin(header);
    if (verdict !== 'busy') return;
    // Somebody was quicker.
    if (!assembly.holds(chunk)) throw new SharingError('protocol', `chunk ${chunk} comes twice`);
    await takeOver(header, own);
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
        void guarded(decide);
      });
    } finally {
      release();
      words.end();
      watch[Symbol.dispose]();
      // Nothing may use the folder once the outcome is known: its owner lets go of it then.
      await beside.end();
      while (working.size > 0) await Promise.all(working);
      await comparison?.[Symbol.asyncDispose]();
      await landing?.leave(refusal === undefined || isWorthKeeping(refusal));
    }
  }

  return {
    patience: howLong,
    tell(frame) {
      if (frame.t === 'offer' || frame.t === 'stop') {
        throw new SharingError('protocol', `${frame.t} is not legal for one file`);
      }
      mustBeOurs(frame.file);
      moved();
      if (frame.t === 'digests') {
        if (rules.digests(frame) === 'drop') return undefined;
        return guarded(() => compare(frame.first, frame.digests));
      }
      if (frame.t === 'fail') {
        theirs = refusedBy(frame);
        const error = refusal ?? theirs;
        if (rules.failed() === 'take') over({ kind: 'failed', error });
        else stop(error);
      } else {
        const verdict = rules.end();
        const error = refusal ?? new SharingError('cancelled', 'given up');
        if (verdict === 'take') void guarded(finish);
        else if (verdict === 'drop') over({ kind: 'failed', error });
      }
      return undefined;
    },
    takeBeside: (start) => guarded(async () => landing && beside.start(start, landing)),
    intake(endLane) {
      const intake = assembly.intake();
      if (endLane) {
        rules.useLanes();
        lanes.set(intake, endLane);
      }
      return {
        chunk(header) {
          mustBeOurs(header.file);
          intake.drop();
          const verdict = rules.chunk(header);
          if (verdict === 'take') return intake.begin(header);
          return verdict === 'busy' ? takeOver(header, intake) : undefined;
        },
        lost() {
          const chunk = intake.drop();
          if (chunk !== undefined) rules.lost(chunk);
        },
        data(bytes) {
          dripped(bytes.length);
          intake.data(bytes);
        },
      };
    },
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
