import { namesAbove, type Arrival } from '#sharing/batch/arrival.js';
import type { ArrivingFolders, ArrivingTop } from '#sharing/batch/folders.js';
import type { Gate } from '#sharing/batch/gate.js';
import type { BatchProgress } from '#sharing/batch/progress.js';
import type { WantQueue } from '#sharing/batch/wants.js';
import { SharingError } from '#sharing/errors.js';
import type {
  BatchReceiveRules,
  OfferedFile,
  OfferedFolder,
  Refused,
} from '#sharing/session/batch-receiving.js';
import { rangesOf } from '#sharing/session/ranges.js';
import type { Advance } from '#sharing/storage/advance.js';
import { digestText, type DigestAlgorithm } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { ReceiveOutcome } from '#sharing/transfer/receive.js';
import type { Speech } from '#sharing/transport/connection.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** How one thing of a batch ended. */
export type ReceivedOne =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly size: number;
      readonly outcome: ReceiveOutcome;
      /** It came, and not at an earlier time. */
      readonly travelled: boolean;
      /** Names from the top's own down to the folder that the file lies in; none for a file at the top. */
      readonly below: readonly SafeName[];
    }
  | { readonly kind: 'folder'; readonly path: string; readonly as: SafeName }
  /** A folder that could not be sent whole, or not be received. */
  | { readonly kind: 'problem'; readonly path: string; readonly error: SharingError }
  /** What was asked for by its path, and could not be offered. */
  | { readonly kind: 'refused'; readonly path: string; readonly error: SharingError };

/** A file that is on the disk, under this name. */
export interface KeptFile {
  readonly of: Arrival;
  readonly as: SafeName;
}

/** The last word on each row of a batch, to its sender and to whoever receives. */
export interface LastWords {
  /** A file that is looked at, and open from now on. */
  begin(arrival: Arrival): void;
  /** One that is open. */
  find(file: number): Arrival | undefined;
  /** It has ended, and its sender knows; nothing for one that is not open. What is received has travelled, unless said. */
  over(arrival: Arrival, outcome: ReceiveOutcome, travelled?: boolean): void;
  /** Its sender need not send it. */
  refuse(row: OfferedFile, error: SharingError): void;
  /** Its sender cannot offer it. */
  notOffered(row: Refused): void;
  /** What was sent of it is lost. */
  failed(arrival: Arrival, error: SharingError): void;
  /** They get their receipts, many in one message. */
  kept(files: readonly KeptFile[]): void;
  /** Nothing can lie in it. */
  folderFailed(row: OfferedFolder, error: SharingError): void;
  /** A folder at the top has its final name, or cannot get it. */
  topEnded(top: ArrivingTop, ended: SafeName | SharingError): void;
}

export interface LastWordsOptions {
  readonly id: number;
  readonly algorithm: DigestAlgorithm;
  readonly rules: Pick<BatchReceiveRules, 'over'>;
  readonly folders: Pick<ArrivingFolders, 'begin' | 'end'>;
  readonly wants: WantQueue;
  readonly aside: Advance;
  readonly progress: BatchProgress;
  /** Opened when something has ended. */
  readonly news: Gate;
  /** The batch was broken off: what ends by that is not told one by one. */
  readonly isStopped: () => boolean;
  readonly onEnd: (one: ReceivedOne) => void;
}

/** Receipts, each with a name, that one message holds for sure. */
const namedRows = 100;

export function lastWords(connection: Speech, options: LastWordsOptions): LastWords {
  const { id, algorithm, rules, folders, wants, aside, progress, news, onEnd } = options;
  const open = new Map<number, Arrival>();

  function over(
    arrival: Arrival,
    outcome: ReceiveOutcome,
    travelled = outcome.kind === 'received',
  ): void {
    const { offered, folder } = arrival;
    if (!open.delete(offered.file)) return;
    aside.spare(arrival.reserved);
    arrival.reserved = 0;
    end(offered, namesAbove(arrival), outcome, travelled);
    // A folder whose transfer broke off is not complete, whatever has ended by now.
    if (folder && !options.isStopped() && !connection.signal.aborted) folders.end(folder);
  }

  function end(
    { file, path, size }: OfferedFile,
    below: readonly SafeName[],
    outcome: ReceiveOutcome,
    travelled: boolean,
  ): void {
    rules.over(file);
    if (outcome.kind !== 'failed' || !options.isStopped()) {
      onEnd({ kind: 'file', path, size, outcome, travelled, below });
    }
    progress.over(file, size, travelled);
    news.open();
  }

  function sayFailed(file: number, error: SharingError): void {
    connection.send({ t: 'fail', id, file, ...refusalOf(error) });
  }

  function sayKept(files: readonly KeptFile[]): void {
    const renamed = files.filter(({ of, as }) => !of.folder || as !== of.offered.name);
    const named = renamed.map(({ of, as }): [number, string] => [of.offered.file, as]);
    for (const stored of rangesOf(files.map(({ of }) => of.offered.file))) {
      connection.send({ t: 'receipts', id, stored, named });
    }
  }

  return {
    begin(arrival) {
      open.set(arrival.offered.file, arrival);
      if (arrival.folder) folders.begin(arrival.folder);
    },
    find: (file) => open.get(file),
    over,
    refuse(row, error) {
      wants.add({ want: 'refused', file: row.file, ...refusalOf(error) });
      const arrival = open.get(row.file);
      if (arrival) over(arrival, { kind: 'failed', error });
      else end(row, [], { kind: 'failed', error }, false);
    },
    notOffered({ path, error }) {
      onEnd({ kind: 'refused', path, error });
    },
    failed(arrival, error) {
      sayFailed(arrival.offered.file, error);
      over(arrival, { kind: 'failed', error });
    },
    kept(files) {
      for (let at = 0; at < files.length; at += namedRows) sayKept(files.slice(at, at + namedRows));
      for (const { of, as } of files) {
        const { digest, offered } = of;
        if (!digest) throw new SharingError('internal', 'a file was kept without a digest');
        const text = digestText(algorithm, digest);
        over(of, { kind: 'received', as, size: offered.size, digest: text });
      }
    },
    folderFailed({ file, path }, error) {
      sayFailed(file, error);
      rules.over(file);
      onEnd({ kind: 'problem', path, error });
    },
    topEnded({ offered: { file, path } }, ended) {
      // What was decided of its files is said before.
      wants.flush();
      if (typeof ended === 'string') {
        connection.send({ t: 'placed', id, file, as: ended });
        onEnd({ kind: 'folder', path, as: ended });
      } else {
        sayFailed(file, ended);
        onEnd({ kind: 'problem', path, error: ended });
      }
      rules.over(file);
      news.open();
    },
  };
}
