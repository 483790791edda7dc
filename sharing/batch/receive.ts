import { endsAll, type Arrival } from '#sharing/batch/arrival.js';
import { arrivingFolders } from '#sharing/batch/folders.js';
import { allEnded, gate } from '#sharing/batch/gate.js';
import { largeArrivals } from '#sharing/batch/large-arrivals.js';
import { lastWords, type ReceivedOne } from '#sharing/batch/last-words.js';
import { batchProgress } from '#sharing/batch/progress.js';
import { smallArrivals } from '#sharing/batch/small-arrivals.js';
import { smallJudging } from '#sharing/batch/small-judging.js';
import { wantQueue } from '#sharing/batch/wants.js';
import { after, type Soon } from '#sharing/soon.js';
import { asSharingError, SharingError, writeError } from '#sharing/errors.js';
import {
  batchReceiveRules,
  type Offered,
  type OfferedFile,
  type OfferedFolder,
} from '#sharing/session/batch-receiving.js';
import type { FromSender } from '#sharing/session/incoming.js';
import { advance } from '#sharing/storage/advance.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import { entrySize, type Room } from '#sharing/storage/room.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { ChunkIntake } from '#sharing/transfer/intakes.js';
import { closeOnStall, patience } from '#sharing/transfer/stall.js';
import type { Speech } from '#sharing/transport/connection.js';
import type { Came } from '#sharing/transport/heartbeat.js';
import type { MessageOf, Policy } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

/** What the sender left out without a word, counted. */
export interface LeftOut {
  readonly links: number;
  readonly hidden: number;
}

/** Many files on their way in. A pending promise means: read no further. */
export interface BatchReceiving {
  tell(frame: FromSender): Promise<void> | undefined;
  intake(): ChunkIntake;
  /** Gives it up; the sender is told, and the outcome waits for its last word. */
  cancel(): void;
  /** Ends it without a word, because the other side has said the last one. */
  abandon(error: SharingError): void;
  /** Resolves when all is over; rejects with the reason when it was broken off. */
  readonly outcome: Promise<LeftOut>;
}

export interface BatchReceiveOptions {
  readonly id: number;
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** The name that a file or folder at the top gets here. Throws SharingError when it must not come. */
  readonly nameOf: (offered: SafeName, type: 'file' | 'folder') => SafeName;
  readonly policy: Policy;
  readonly peer: string;
  readonly algorithm: DigestAlgorithm;
  readonly stallTime: number;
  readonly onEnd: (one: ReceivedOne) => void;
  readonly onProgress?: OnProgress;
}

/** Receives what a sender offers in one batch (PROTOCOL.md, "Batches"). `first` is its first page. */
export function startBatchReceiving(
  connection: Speech,
  first: MessageOf<'offer'>,
  options: BatchReceiveOptions,
): BatchReceiving {
  const { id, room, policy, peer, algorithm, stallTime, onEnd } = options;
  const { onProgress = () => undefined } = options;
  const rules = batchReceiveRules();
  const wants = wantQueue(connection, id);
  const aside = advance(room, async () => (await options.area()).folder);
  const news = gate();
  /** Offered, and not judged yet. */
  const rows: Offered[] = [];
  const working = new Set<Promise<void>>();
  const progress = batchProgress(onProgress, () => rules.isWhole() && rows.length === 0);
  let comparing: Promise<void> = Promise.resolve();
  let left: LeftOut = { links: 0, hidden: 0 };
  let area: LandingArea | undefined;
  /** `over`: the sender has said its last word. */
  let stopped: { readonly error: SharingError; over: boolean } | undefined;

  const folders = arrivingFolders({
    area: options.area,
    peer,
    nameOf: (name) => options.nameOf(name, 'folder'),
    onTop(top, ended) {
      words.topEnded(top, ended);
    },
    onFinished: () => {
      news.open();
    },
  });
  const words = lastWords(connection, {
    id,
    algorithm,
    rules,
    folders,
    wants,
    aside,
    progress,
    news,
    isStopped: () => stopped !== undefined,
    onEnd,
  });
  const small = smallArrivals({
    area: landing,
    folders,
    policy,
    algorithm,
    news,
    mustGoOn,
    onWritten(arrival) {
      aside.written(arrival.reserved);
      arrival.reserved = 0;
    },
    words,
  });
  const judging = smallJudging({
    landing,
    folders,
    wants,
    rules,
    policy,
    algorithm,
    mustGoOn,
    setAside,
    onEmpty: (arrival) => {
      small.empty(arrival);
    },
    words,
  });
  const came: Came = { bytes: 0 };
  const watch = closeOnStall(connection, stallTime, howLong, 'the sender sends no more', came);

  const large = largeArrivals(connection, {
    id,
    landing,
    room,
    folders,
    wants,
    policy,
    peer,
    algorithm,
    stallTime,
    watch,
    progress,
    news,
    mustGoOn,
    follow,
    words,
  });

  /** While we judge, write or save, the sender waits for us. */
  function howLong(): number {
    if (stopped) return patience.receiver;
    // What waits for a large file to end waits for its sender too.
    const isJudging = rows.length > 0 && !large.isFull();
    if (isJudging || !small.isIdle() || !connection.listening()) return 0;
    const waits = large.patience();
    if (waits.includes(0)) return 0;
    if (rules.awaited() > 0 || small.isComing() || waits.length > 0) return patience.receiver;
    return rules.isWhole() ? 0 : patience.answer;
  }

  /** Known at once from the second time on. */
  function landing(): Soon<LandingArea> {
    return (
      area ??
      options.area().then((opened) => {
        area = opened;
        return opened;
      })
    );
  }

  function mustGoOn(): void {
    connection.signal.throwIfAborted();
    if (stopped) throw stopped.error;
  }

  function take({ files, more, left: leftOut }: MessageOf<'offer'>): void {
    rows.push(...rules.offer(files, more));
    if (leftOut) left = leftOut;
    news.open();
  }

  async function judgeAll(): Promise<void> {
    for (;;) {
      mustGoOn();
      const row = rows[0];
      if (row) {
        const judged = judge(row);
        if (judged) await judged;
        rows.shift();
        wants.judged(rules.judged());
      } else if (rules.isWhole()) break;
      else await news.wait();
    }
    folders.goTo(undefined);
    news.open();
  }

  function judge(row: Offered): Soon<void> {
    switch (row.kind) {
      case 'refused':
        folders.goTo(undefined);
        words.notOffered(row);
        return undefined;
      case 'folder':
        return judgeFolder(row);
      default:
        return judgeFile(row);
    }
  }

  async function judgeFolder(row: OfferedFolder): Promise<void> {
    let reserved = 0;
    try {
      const isNew = await folders.enter(row, async () => {
        await aside.take(entrySize, () => 0);
        reserved = entrySize;
        mustGoOn();
      });
      if (isNew) aside.written(reserved);
      else aside.spare(reserved);
    } catch (error) {
      mustGoOn();
      aside.spare(reserved);
      const known = asSharingError(error);
      if (endsAll(known)) throw known;
      // What lies in it is refused file by file; of one in a folder that failed enough was said.
      if (row.parent && folders.find(row.parent) instanceof SharingError) return;
      words.folderFailed(row, known);
    }
  }

  function judgeFile(row: OfferedFile): Soon<void> {
    const refused = (error: unknown): void => {
      cannotTake(row, error);
    };
    folders.goTo(row.parent);
    progress.offered(row.size);
    try {
      const arrival = arrivalOf(row);
      words.begin(arrival);
      const judged = row.kind === 'large' ? large.begin(arrival) : judging.judge(arrival);
      return judged instanceof Promise ? judged.catch(refused) : undefined;
    } catch (error) {
      refused(error);
    }
  }

  function arrivalOf(row: OfferedFile): Arrival {
    const folder = row.parent && folders.find(row.parent);
    if (folder instanceof SharingError) throw folder;
    if (typeof row.name !== 'string') throw row.name;
    const name = folder ? row.name : options.nameOf(row.name, 'file');
    room.mustAllow(row.size);
    return { offered: row, folder, name, reserved: 0, digest: undefined };
  }

  /** Only what would keep out the others too ends more than one file. */
  function cannotTake(row: OfferedFile, error: unknown): void {
    mustGoOn();
    const known = writeError(error);
    if (endsAll(known)) throw known;
    words.refuse(row, known);
  }

  function setAside(arrival: Arrival): Soon<void> {
    const needed = arrival.offered.size + entrySize;
    const soon = (): number =>
      rows.reduce((sum, row) => (row.kind === 'small' ? sum + row.size + entrySize : sum), 0);
    return after(aside.take(needed, soon), () => {
      arrival.reserved = needed;
    });
  }

  function isDone(): boolean {
    return rows.length === 0 && rules.isDone() && folders.isDone();
  }

  function follow(work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => {
        if (!connection.signal.aborted) stop(asSharingError(error));
      })
      .finally(() => working.delete(done));
    working.add(done);
  }

  /** Ends all of it; the sender says the last word. */
  function stop(error: SharingError): void {
    if (stopped) return;
    wants.close();
    stopped = { error, over: false };
    if (!connection.signal.aborted) connection.send({ t: 'stop', id, ...refusalOf(error) });
    large.abandon(error);
    news.open();
  }

  /** The sender has said its last word. */
  function ended(error: SharingError): void {
    wants.close();
    stopped ??= { error, over: true };
    stopped.over = true;
    large.abandon(stopped.error);
    news.open();
  }

  async function run(): Promise<LeftOut> {
    const onAbort = (): void => {
      news.open();
    };
    connection.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await allEnded([stopOnError(judgeAll()), stopOnError(small.run(isDone))]);
      wants.flush();
      // Nothing of it lies about any more when its sender hears that all is over.
      await small.leave();
      connection.send({ t: 'finished', id });
      return left;
    } catch (error) {
      // What still comes is read past until the sender has heard of it.
      while (stopped && !stopped.over && !connection.signal.aborted) await news.wait();
      throw error;
    } finally {
      connection.signal.removeEventListener('abort', onAbort);
      watch[Symbol.dispose]();
      wants.close();
      await comparing;
      while (working.size > 0) await Promise.all(working);
      await small.leave();
      aside.release();
      await folders.leave();
    }
  }

  async function stopOnError(half: Promise<void>): Promise<void> {
    try {
      await half;
    } catch (error) {
      if (!connection.signal.aborted) stop(asSharingError(error));
      news.open();
      throw stopped?.error ?? asSharingError(error);
    }
  }

  function failedThere(frame: Extract<FromSender, { t: 'fail' }>): Promise<void> | undefined {
    const { file } = frame;
    const one = large.find(file);
    if (one) return one.tell(frame);
    const error = refusedBy(frame);
    const arrival = words.find(file);
    const path = rules.folderPath(file);
    if (arrival && rules.isAwaited(file)) words.over(arrival, { kind: 'failed', error });
    else if (path !== undefined) onEnd({ kind: 'problem', path, error });
    // Of one that is over it is late; one that has come, or that nobody asked for, cannot be taken back.
    else if (rules.isOpen(file)) throw new SharingError('protocol', 'a file that is not awaited');
    return undefined;
  }

  function takeDigests(frame: Extract<FromSender, { t: 'digests' }>): Promise<void> | undefined {
    const one = large.find(frame.file);
    if (one) return one.tell(frame);
    rules.digest(frame);
    watch.moved();
    const arrival = words.find(frame.file);
    if (!arrival) return undefined;
    const digest = Buffer.from(frame.digests);
    comparing = comparing
      .then(() => (stopped ? undefined : judging.compare(arrival, digest)))
      .catch((error: unknown) => {
        cannotTake(arrival.offered, error);
      })
      .catch((error: unknown) => {
        if (!connection.signal.aborted) stop(asSharingError(error));
      });
    return comparing;
  }

  // A breach in it is the caller's to answer.
  try {
    take(first);
  } catch (error) {
    watch[Symbol.dispose]();
    throw error;
  }

  return {
    tell(frame) {
      if (frame.t === 'stop') {
        ended(refusedBy(frame));
        return undefined;
      }
      // What comes after our own stop, until the sender has heard of it, is read past, and is no movement.
      if (stopped) return undefined;
      switch (frame.t) {
        case 'offer':
          watch.moved();
          take(frame);
          return undefined;
        case 'fail':
          watch.moved();
          return failedThere(frame);
        case 'digests':
          return takeDigests(frame);
        case 'end': {
          const one = large.find(frame.file);
          if (one) return one.tell(frame);
          // Of one that is over it is late.
          if (rules.isOpen(frame.file))
            throw new SharingError('protocol', 'the end of no large file');
          return undefined;
        }
      }
    },
    intake() {
      const ofSmall = small.intake();
      const ofLarge = large.intake();
      let current: ChunkIntake | undefined;

      return {
        chunk(header) {
          ofSmall.drop();
          current = undefined;
          if (stopped) return undefined;
          current = ofLarge.of(header);
          if (current) return current.chunk(header);
          const arrival = words.find(header.file);
          // The last word on it may have come first, if its chunks went over a lane.
          if (!arrival && !rules.isOpen(header.file)) return undefined;
          rules.chunk(header);
          return arrival ? ofSmall.begin(arrival, header) : undefined;
        },
        // A batch ends with its lanes, and goes on with the next attempt.
        lost: () => undefined,
        data(bytes) {
          if (stopped) return;
          came.bytes += bytes.length;
          if (current) current.data(bytes);
          else ofSmall.data(bytes);
        },
      };
    },
    cancel() {
      stop(new SharingError('cancelled', 'cancelled by the receiver'));
    },
    abandon(error) {
      ended(error);
    },
    outcome: run(),
  };
}
