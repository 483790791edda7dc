import { asSharingError, localError, SharingError } from '#sharing/errors.js';
import {
  batchSendRules,
  maxOpenRows,
  type BatchNews,
  type SmallOutcome,
} from '#sharing/session/batch-sending.js';
import type { FromReceiver } from '#sharing/session/incoming.js';
import type { FileReport, SendOutcome } from '#sharing/session/sending.js';
import { digestOf, digestText, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { paceOf } from '#sharing/storage/disk-pace.js';
import type { SharedReads } from '#sharing/storage/shared-reads.js';
import type { Soon } from '#sharing/soon.js';
import { isSafeName } from '#sharing/storage/path.js';
import { walk, type Found, type FoundFile, type Left, type Top } from '#sharing/storage/walk.js';
import { believed, maySkip, notBelieved } from '#sharing/transfer/belief.js';
import { allEnded, gate } from '#sharing/batch/gate.js';
import { largeSends } from '#sharing/batch/large-sends.js';
import { offerPages, type OfferPages } from '#sharing/batch/offer-pages.js';
import { packing } from '#sharing/batch/packing.js';
import { batchProgress } from '#sharing/batch/progress.js';
import { smallSends } from '#sharing/batch/small-sends.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { closeOnStall, patience } from '#sharing/transfer/stall.js';
import type { Road } from '#sharing/transport/lane.js';
import type { MessageOf } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

/** How one thing of a batch ended. */
export type SentOne = { readonly top: Top; readonly path: string } & (
  | {
      readonly kind: 'file';
      readonly size: number;
      readonly outcome: SendOutcome;
      /** It was sent, and had not come at an earlier time. */
      readonly travelled: boolean;
    }
  | { readonly kind: 'folder'; readonly as: string }
  /** A folder that could not be read whole, or not be placed. */
  | {
      readonly kind: 'problem';
      readonly error: SharingError;
      /** It arose on our side. */
      readonly isOurs: boolean;
    }
);

/** Many files on their way out. */
export interface BatchSending {
  /** Throws SharingError `protocol` when the receiver may not say that now. */
  tell(message: FromReceiver): void;
  /** Stops all of it; the receiver is told. */
  cancel(): void;
  /** Ends it without a word, because the other side has said the last one. */
  abandon(error: SharingError): void;
  /** Resolves when the receiver has all that it wants; rejects with the reason when it was broken off. */
  readonly outcome: Promise<void>;
}

/** A top that the receiver has named, and that is not to be offered. */
export interface RefusedTop {
  readonly name: string;
  readonly error: SharingError;
}

export interface BatchSendOptions {
  readonly id: number;
  readonly tops: AsyncIterable<Top> | Iterable<Top | RefusedTop>;
  readonly algorithm: DigestAlgorithm;
  readonly tagKey: Buffer;
  readonly stallTime: number;
  /** Goes with the first page, for a receiver that is a server. */
  readonly wish: Pick<MessageOf<'offer'>, 'as' | 'policy'>;
  /** The policy is ours to say: this is a put. */
  readonly decides: boolean;
  readonly left: Left;
  /** What is read is shared with whoever sends the same. */
  readonly reads?: SharedReads;
  readonly onEnd: (one: SentOne) => void;
  readonly onProgress?: OnProgress;
}

interface Job {
  readonly file: number;
  readonly what: 'bytes' | 'digest' | 'large';
}

/** Offers all that lies in `tops` and sends what the receiver wants of it (PROTOCOL.md, "Batches"). */
export function startBatchSending(connection: Road, options: BatchSendOptions): BatchSending {
  const { id, algorithm, tagKey, left, reads, onEnd, onProgress = () => undefined } = options;
  const rules = batchSendRules();
  const news = gate();
  const pack = packing(connection, () => {
    watch.moved();
  });
  const files = new Map<number, FoundFile>();
  /** Folders that were offered not long ago. */
  const recent = new Map<number, { readonly top: Top; readonly path: string }>();
  /** Folders at the top that have no name there yet. */
  const folders = new Map<number, Top>();
  const jobs: Job[] = [];
  const progress = batchProgress(onProgress, () => isCounted);
  // What we offer for a get is judged by the receiver's own policy.
  const mayBeSkipped = !options.decides || maySkip(options.wish.policy);
  let isCounted = false;
  let busy = 0;
  /** The receiver has said its last word; `finished`: nothing of ours goes on either. */
  let lastWord = false;
  let finished = false;
  let stopped: { readonly error: SharingError; readonly tell: boolean } | undefined;

  const words = 'the receiver does not go on';
  const watch = closeOnStall(connection, options.stallTime, howLong, words);

  const small = smallSends(connection, {
    id,
    algorithm,
    reads,
    rules,
    pack,
    waitForNews,
    ours,
  });
  const large = largeSends(connection, {
    id,
    algorithm,
    tagKey,
    stallTime: options.stallTime,
    maySkip: mayBeSkipped,
    reads,
    watch,
    progress,
    news,
    waitForNews,
    ours,
    onOver(file, found, outcome) {
      rules.ended(file);
      over(file, found, outcome);
    },
  });

  /** A slow disk of our own is not the receiver's fault. */
  function howLong(): number {
    if (busy > 0 || !connection.listening()) return 0;
    const waits = large.patience();
    if (waits.includes(0)) return 0;
    return Math.max(rules.receiverSaves() ? patience.saving : patience.sender, ...waits);
  }

  async function ours<T>(work: () => T | Promise<T>): Promise<T> {
    busy += 1;
    try {
      return await work();
    } finally {
      busy -= 1;
    }
  }

  /** Waits for a word of the receiver, or for the end. */
  async function waitForNews(): Promise<void> {
    mustGoOn();
    await news.wait();
    mustGoOn();
  }

  function mustGoOn(): void {
    connection.signal.throwIfAborted();
    if (stopped) throw stopped.error;
  }

  async function offerAll(): Promise<void> {
    const { wish } = options;
    const pages = offerPages(connection, { id, tagKey, rules, wish, waitForNews, mustGoOn });
    for await (const top of options.tops) {
      if ('error' in top) await pages.refused(top.name, top.error);
      else await offerTop(top, pages);
    }
    pages.end(left);
    isCounted = true;
    news.open();
  }

  async function offerTop(top: Top, pages: OfferPages): Promise<void> {
    const rows = walk(top, paceOf, left);
    /** The folders down to where the walk is, and their rows. */
    const way: { readonly path: string; readonly row: number }[] = [];
    let count = 0;
    try {
      for (;;) {
        const next = await ours(() => rows.next());
        if (next.done) break;
        for (const found of next.value) {
          if (found.kind === 'problem') problem(found.path, found.error);
          else {
            const placed = pages.place(found.path);
            if (placed) await placed;
            offer(found);
            count += 1;
          }
        }
      }
    } catch (error) {
      mustGoOn();
      const known = asSharingError(error, 'read-failed');
      // For a get they were named, or matched, by the receiver.
      if (!options.decides && count === 0) await pages.refused(top.name, known);
      problem(top.name, known);
    } finally {
      // It may stand in the middle of a folder.
      await rows.return();
    }

    function offer(found: Exclude<Found, { kind: 'problem' }>): void {
      if (found.kind === 'folder') {
        goTo(found.path);
        const row = pages.folder(found);
        way.push({ path: found.path, row });
        note(row, top, found.path);
        if (found.isTop) folders.set(row, top);
      } else {
        files.set(pages.file(found), found);
        progress.offered(found.size);
      }
    }

    /** What does not lead to this path is behind us. */
    function goTo(path: string): void {
      while (way.length > 0 && !`${path}/`.startsWith(`${way.at(-1)?.path ?? ''}/`)) way.pop();
    }

    /** The receiver hears of it too, if it knows the folder. */
    function problem(path: string, error: SharingError): void {
      pages.flush();
      goTo(path);
      const file = way.at(-1)?.row;
      if (file !== undefined) connection.send({ t: 'fail', id, file, ...refusalOf(error) });
      onEnd({ kind: 'problem', top, path, error, isOurs: true });
    }
  }

  function note(row: number, top: Top, path: string): void {
    recent.set(row, { top, path });
    if (recent.size > maxOpenRows) recent.delete(recent.keys().next().value ?? 0);
  }

  async function sendAll(): Promise<void> {
    for (;;) {
      mustGoOn();
      const job = jobs.shift();
      if (job) {
        const done = carryOut(job);
        if (done) await done;
      } else if (finished) return;
      else {
        await pack.flush();
        // Much may have been said while it left.
        if (!hasWork()) await waitForNews();
      }
    }
  }

  function hasWork(): boolean {
    return jobs.length > 0 || finished;
  }

  function carryOut({ file, what }: Job): Soon<void> {
    const found = files.get(file);
    if (!found) return undefined;
    const lost = (error: unknown): void => {
      mustGoOn();
      fail(file, found, asSharingError(error, 'read-failed'));
    };
    try {
      const done = what === 'large' ? sendLarge(file, found) : small.send(file, found, what);
      return done instanceof Promise ? done.catch(lost) : undefined;
    } catch (error) {
      lost(error);
    }
  }

  async function sendLarge(file: number, found: FoundFile): Promise<void> {
    await pack.flush();
    await large.begin(file, found);
  }

  /** A source that fails ends its file and nothing else. */
  function fail(file: number, found: FoundFile, error: SharingError): void {
    connection.send({ t: 'fail', id, file, ...refusalOf(error) });
    rules.ended(file);
    over(file, found, { kind: 'failed', error: localError(error) });
    // There is place for another row, of which the receiver has nothing to say.
    news.open();
  }

  function over(
    file: number,
    { top, path, size }: FoundFile,
    outcome: SendOutcome,
    travelled = outcome.kind === 'stored',
  ): void {
    files.delete(file);
    small.forget(file);
    // What a stop took with it is told once.
    if (!stopped || outcome.kind !== 'failed') {
      onEnd({ kind: 'file', top, path, size, outcome, travelled });
    }
    progress.over(file, size, travelled);
  }

  function take(one: BatchNews): void {
    switch (one.is) {
      case 'wanted':
        jobs.push({ file: one.file, what: one.what });
        return;
      case 'large':
        tellLarge(one.file, one.message);
        return;
      case 'over': {
        const found = files.get(one.file);
        if (found) {
          const outcome = outcomeOf(one.file, found, one.outcome);
          over(one.file, found, outcome, one.outcome.kind === 'stored');
        } else if (one.outcome.kind === 'failed') problemOf(one.file, one.outcome.error);
        return;
      }
      case 'remark': {
        const folder = recent.get(one.file);
        if (folder) onEnd({ kind: 'problem', ...folder, error: one.error, isOurs: false });
        return;
      }
      case 'placed':
        large.afterAll(() => {
          placed(one.file, one.as);
        });
        return;
      case 'finished':
        lastWord = true;
        large.afterAll(() => {
          finished = true;
          news.open();
        });
        return;
      case 'stopped':
        stopped ??= { error: one.error, tell: true };
    }
  }

  function placed(file: number, as: string): void {
    const top = folders.get(file);
    if (!isSafeName(as)) problemOf(file, notBelieved());
    else if (top) onEnd({ kind: 'folder', top, path: top.name, as });
    folders.delete(file);
  }

  function problemOf(file: number, error: SharingError): void {
    const top = folders.get(file);
    folders.delete(file);
    if (top) onEnd({ kind: 'problem', top, path: top.name, error, isOurs: false });
  }

  function outcomeOf(file: number, { path, size }: FoundFile, said: SmallOutcome): SendOutcome {
    const sent =
      small.digest(file) ?? (size === 0 ? digestOf(algorithm, Buffer.alloc(0)) : undefined);
    const digest = sent && digestText(algorithm, sent);
    return believed(
      { size, digest, maySkip: mayBeSkipped },
      saidInFull(said, { path, size, digest }),
    );
  }

  function tellLarge(file: number, message: FileReport): void {
    if (large.tell(file, message)) return;
    const found = files.get(file);
    if (!found) return;
    const refused = 'want' in message && message.want === 'refused';
    const skipped = 'want' in message && message.want === 'nothing' && message.reason === 'skipped';
    if (refused || skipped) {
      rules.ended(file);
      const error = 'code' in message ? refusedBy(message) : undefined;
      if (error) over(file, found, { kind: 'failed', error });
      else if ('as' in message) {
        over(file, found, outcomeOf(file, found, { kind: 'skipped', as: message.as }));
      }
      return;
    }
    large.expect(file, message);
    jobs.push({ file, what: 'large' });
  }

  async function run(): Promise<void> {
    const onAbort = (): void => {
      news.open();
    };
    connection.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await allEnded([stopOnError(offerAll()), stopOnError(sendAll())]);
    } finally {
      connection.signal.removeEventListener('abort', onAbort);
      watch[Symbol.dispose]();
      await large.leave();
      await pack.idle();
      if (stopped?.tell === true && !connection.signal.aborted) {
        connection.send({ t: 'stop', id, ...refusalOf(stopped.error) });
      }
    }
  }

  /** Both halves end together. */
  async function stopOnError(half: Promise<void>): Promise<void> {
    try {
      await half;
    } catch (error) {
      // Its last word counts, though the receiver hangs up right after it.
      if (lastWord) return;
      stop(asSharingError(error), true);
      throw stopped?.error ?? error;
    }
  }

  function stop(error: SharingError, tell: boolean): void {
    stopped ??= { error, tell };
    news.open();
  }

  return {
    tell(message) {
      watch.moved();
      for (const one of rules.receive(message)) take(one);
      news.open();
    },
    cancel() {
      stop(new SharingError('cancelled', 'cancelled by the sender'), true);
    },
    abandon(error) {
      stop(error, false);
    },
    outcome: run(),
  };
}

/** What a receipt of many leaves out is as it was sent: the name, the size, the digest. */
function saidInFull(
  said: SmallOutcome,
  { path, size, digest = '' }: { path: string; size: number; digest: string | undefined },
): SendOutcome {
  const as =
    'as' in said && said.as !== undefined ? said.as : path.slice(path.lastIndexOf('/') + 1);
  switch (said.kind) {
    case 'stored':
      return { kind: 'stored', as, size, digest };
    case 'here':
      return { kind: 'stored', as, size, digest: said.digest };
    default:
      return said;
  }
}
