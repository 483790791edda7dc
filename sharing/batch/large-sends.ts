import type { Gate } from '#sharing/batch/gate.js';
import type { BatchProgress } from '#sharing/batch/progress.js';
import { asSharingError } from '#sharing/errors.js';
import type { FileReport, SendOutcome } from '#sharing/session/sending.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { openFound } from '#sharing/storage/found.js';
import { sharing, type SharedReads } from '#sharing/storage/shared-reads.js';
import type { FoundFile } from '#sharing/storage/walk.js';
import { startSending, type Sending } from '#sharing/transfer/send.js';
import type { Road } from '#sharing/transport/lane.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** Large files that are sent at once: while one is saved the next one fills the line. */
const maxLarge = 2;

/** The files of a batch that go their own way, as a single file does. */
export interface LargeSends {
  /** True when the receiver's word on this file is taken: it is under way, or will be. */
  tell(file: number, message: FileReport): boolean;
  /** The receiver wants it: `message` is its first word, and waits for `begin`. */
  expect(file: number, message: FileReport): void;
  /** Resolves when it is under way; waits while too many are. Rejects when it cannot be read. */
  begin(file: number, found: FoundFile): Promise<void>;
  /** Does the work when all that is under way has ended: what was said after a file's receipt stays after it. */
  afterAll(work: () => void): void;
  /** How many stall times each of them lets the receiver be silent. */
  patience(): number[];
  /** Ends them without a word; resolves when nothing of them goes on, and what waited for that is done. */
  leave(): Promise<void>;
}

export interface LargeSendOptions {
  readonly id: number;
  readonly algorithm: DigestAlgorithm;
  readonly tagKey: Buffer;
  readonly stallTime: number;
  /** The receiver may leave them alone. */
  readonly maySkip: boolean;
  readonly reads: SharedReads | undefined;
  readonly watch: { moved(): void };
  readonly progress: BatchProgress;
  /** Opened when something has happened. */
  readonly news: Gate;
  /** Waits for a word of the receiver. Throws when the batch is over. */
  readonly waitForNews: () => Promise<void>;
  /** Counts a wait for a disk of our own. */
  readonly ours: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onOver: (file: number, found: FoundFile, outcome: SendOutcome) => void;
}

export function largeSends(road: Road, options: LargeSendOptions): LargeSends {
  const { id, algorithm, tagKey, stallTime, maySkip, reads, watch, progress, news, ours } = options;
  const sendings = new Map<number, Sending>();
  /** What was said of files that are not open yet. */
  const reports = new Map<number, FileReport[]>();
  const underWay = new Set<Promise<void>>();
  let order: Promise<unknown> = Promise.resolve();
  let pending = 0;

  /** It was said long before: whoever brought it cannot answer a breach in it any more. */
  function hear(sending: Sending, report: FileReport): void {
    try {
      sending.report(report);
    } catch (error) {
      const breach = asSharingError(error);
      road.close(breach, { t: 'error', ...refusalOf(breach) });
    }
  }

  return {
    tell(file, message) {
      const sending = sendings.get(file);
      const waiting = reports.get(file);
      if (sending) sending.report(message);
      else waiting?.push(message);
      return sending !== undefined || waiting !== undefined;
    },
    expect(file, message) {
      reports.set(file, [message]);
    },
    async begin(file, found) {
      try {
        while (sendings.size >= maxLarge) await options.waitForNews();
        const source = sharing(await ours(() => openFound(found, tagKey)), reads);
        const sending = startSending(road, {
          id,
          file,
          source,
          algorithm,
          maySkip,
          stallTime,
          watch,
          onProgress: ({ phase, bytes, had }) => {
            if (phase === 'sending') progress.moved(file, bytes, had);
          },
        });
        sendings.set(file, sending);
        const done = sending.outcome
          .then((outcome) => {
            options.onOver(file, found, outcome);
          })
          .catch((error: unknown) => {
            // The end of the connection is told once, for all of the batch.
            if (road.signal.aborted) return;
            options.onOver(file, found, { kind: 'failed', error: asSharingError(error) });
          })
          .finally(() => {
            sendings.delete(file);
            underWay.delete(done);
            news.open();
          });
        underWay.add(done);
        for (const report of reports.get(file) ?? []) hear(sending, report);
      } finally {
        reports.delete(file);
      }
    },
    afterAll(work) {
      if (underWay.size === 0 && pending === 0) {
        work();
        return;
      }
      pending += 1;
      order = Promise.all([order, ...underWay]).then(() => {
        pending -= 1;
        work();
      });
    },
    patience: () => [...sendings.values()].map((one) => one.patience()),
    async leave() {
      for (const sending of sendings.values()) sending.abandon();
      await Promise.all(underWay);
      await order;
    },
  };
}
