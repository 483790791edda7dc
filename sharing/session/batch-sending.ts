import { SharingError } from '#sharing/errors.js';
import { countOf, mustBeRanges } from '#sharing/session/ranges.js';
import type { FromReceiver } from '#sharing/session/incoming.js';
import type { FileReport, SendOutcome } from '#sharing/session/sending.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { MessageOf, Want } from '#sharing/wire/message.js';
import { refusedBy } from '#sharing/wire/refusal.js';

/** Rows of a batch that may be offered and not over (PROTOCOL.md, "Batches"). */
export const maxOpenRows = 2000;
/** Bytes of small files that may be sent without a receipt. */
export const smallWindow = 8 * 1024 * 1024;

/** What follows from it. `over` is the last word on a file; `placed` on a folder. */
export type BatchNews =
  | { readonly is: 'wanted'; readonly file: number; readonly what: 'bytes' | 'digest' }
  /** For the rules of a large file. */
  | { readonly is: 'large'; readonly file: number; readonly message: FileReport }
  | { readonly is: 'over'; readonly file: number; readonly outcome: SmallOutcome }
  /** The receiver could not make a folder; what was to lie in it is refused file by file. */
  | { readonly is: 'remark'; readonly file: number; readonly error: SharingError }
  | { readonly is: 'placed'; readonly file: number; readonly as: string }
  | { readonly is: 'finished' }
  | { readonly is: 'stopped'; readonly error: SharingError };

/** How a small file ended; of one that is stored `as` is undefined when it has the name that was asked for. */
export type SmallOutcome =
  | { readonly kind: 'stored'; readonly as: string | undefined }
  /** It came at an earlier time, and has the digest. */
  | { readonly kind: 'here'; readonly as: string; readonly digest: string }
  | Exclude<SendOutcome, { readonly kind: 'stored' }>;

/** `top` is the row of the folder at the top that a file lies in, -1 when it lies in none. */
type Row =
  | { readonly kind: 'folder'; files: number }
  | { readonly kind: 'large'; readonly top: number }
  | {
      readonly kind: 'small';
      readonly top: number;
      readonly size: number;
      phase: 'offered' | 'digesting' | 'compared' | 'wanted' | 'sent';
    };

/** The rules of sending many files in one transfer, without any input or output. */
export interface BatchSendRules {
  /**
   * The next row goes out; `size` is undefined for a folder. Rows that are not `isTop` lie in the last folder that was. Only
   * such folders get a last word of their own.
   */
  offer(size: number | undefined, isTop: boolean): number;
  /** A row goes out that says no more than why something is not offered. */
  refused(): void;
  /** All rows are out. */
  complete(): void;
  /** Takes what the receiver said. Throws SharingError `protocol` when it may not say that now. */
  receive(message: FromReceiver): readonly BatchNews[];
  /** The digest, or the bytes, of a small file are out. */
  sent(file: number): void;
  /** A file is over without a word of the receiver: its source failed, or a large one ended. */
  ended(file: number): void;
  /** How many rows more may go out, where the sender wants no more than `atMost` open. */
  mayOffer(atMost?: number): number;
  /** True while a small file is sent and has no receipt, or nothing but the places of folders is missing. */
  receiverSaves(): boolean;
  /** True while so many bytes of small files more may go out. */
  maySend(size: number): boolean;
  /** Every row is out, and every file over: the receiver has the word. */
  isDone(): boolean;
}

export function batchSendRules(): BatchSendRules {
  const open = new Map<number, Row>();
  let count = 0;
  let judged = 0;
  let whole = false;
  let under = 0;
  /** The folder at the top that rows lie in now. */
  let top = -1;

  function over(file: number): void {
    const row = open.get(file);
    if (row?.kind === 'small' && row.phase === 'sent') under -= row.size;
    const folder = row && 'top' in row ? open.get(row.top) : undefined;
    if (folder?.kind === 'folder') folder.files -= 1;
    open.delete(file);
  }

  function small(file: number, what: string): Extract<Row, { kind: 'small' }> {
    const row = open.get(file);
    if (row?.kind === 'small') return row;
    throw new SharingError('protocol', `${what} of file ${file}, which is none`);
  }

  function afterWant(message: MessageOf<'want'>): BatchNews[] {
    const { files, all = [] } = message;
    judged = message.judged ?? judged;
    if (judged > count) throw new SharingError('protocol', 'more rows judged than offered');
    mustBeRanges(all, count);
    if (countOf(all) > maxOpenRows) throw new SharingError('protocol', 'more wanted than offered');
    const news = files.flatMap((want) => afterOne(want));
    for (const [from, to] of all) {
      // One that is over, for its source failed, is asked for too late.
      for (let file = from; file < to; file += 1) if (open.has(file)) news.push(wanted(file));
    }
    return news;
  }

  function afterOne(want: Want): BatchNews[] {
    const { file } = want;
    const row = open.get(file);
    // It was over, for its source failed: late, not wrong.
    if (!row && file < count) return [];
    if (row?.kind === 'large') {
      if (want.want === 'nothing' || want.want === 'refused') over(file);
      return [{ is: 'large', file, message: want }];
    }
    const { phase, size } = small(file, `want ${want.want}`);
    const asked = phase === 'offered' || phase === 'compared';
    if (!asked) throw new SharingError('protocol', `want ${want.want} while ${phase}`);
    switch (want.want) {
      case 'all':
        return [wanted(file)];
      case 'digests':
        if (phase !== 'offered' || size === 0) throw new SharingError('protocol', 'digests twice');
        small(file, 'digest').phase = 'digesting';
        return [{ is: 'wanted', file, what: 'digest' }];
      case 'ranges':
        throw new SharingError('protocol', 'ranges of a small file');
      case 'refused':
        over(file);
        return [{ is: 'over', file, outcome: { kind: 'failed', error: refusedBy(want) } }];
      case 'nothing': {
        const { reason, as, digest } = want;
        over(file);
        if (reason === 'skipped') return [{ is: 'over', file, outcome: { kind: reason, as } }];
        if ((phase === 'offered' && size > 0) || digest === undefined) {
          throw new SharingError('protocol', 'identical without a digest');
        }
        const kind = reason === 'staged' ? 'here' : reason;
        return [{ is: 'over', file, outcome: { kind, as, digest } }];
      }
    }
  }

  function wanted(file: number): BatchNews {
    const row = small(file, 'want');
    if (row.phase !== 'offered' && row.phase !== 'compared') {
      throw new SharingError('protocol', `file ${file} is wanted while ${row.phase}`);
    }
    row.phase = 'wanted';
    return { is: 'wanted', file, what: 'bytes' };
  }

  function afterReceipts({ stored, named }: MessageOf<'receipts'>): BatchNews[] {
    mustBeRanges(stored, count);
    const names = new Map(named);
    const news: BatchNews[] = [];
    for (const [from, to] of stored) {
      for (let file = from; file < to; file += 1) {
        const { phase, size } = small(file, 'receipt');
        // Of an empty file nothing has to be sent.
        if (phase !== 'sent' && size > 0) {
          throw new SharingError('protocol', `receipt of file ${file}, which was not sent`);
        }
        over(file);
        news.push({ is: 'over', file, outcome: { kind: 'stored', as: names.get(file) } });
      }
    }
    return news;
  }

  function afterFail(message: MessageOf<'fail'>): BatchNews[] {
    const { file } = message;
    const row = open.get(file);
    // Of a file that is over it is late; of a folder further down it is said once.
    if (!row && file < count) return [{ is: 'remark', file, error: refusedBy(message) }];
    if (row?.kind === 'large') return [{ is: 'large', file, message }];
    if (!row) throw new SharingError('protocol', `fail of file ${file}, which is none`);
    over(file);
    return [{ is: 'over', file, outcome: { kind: 'failed', error: refusedBy(message) } }];
  }

  return {
    offer(size, isTop) {
      const file = count;
      count += 1;
      if (isTop) top = size === undefined ? file : -1;
      if (size === undefined) {
        if (isTop) open.set(file, { kind: 'folder', files: 0 });
        return file;
      }
      const folder = open.get(top);
      if (folder?.kind === 'folder') folder.files += 1;
      if (size > chunkSize) open.set(file, { kind: 'large', top });
      else open.set(file, { kind: 'small', size, top, phase: 'offered' });
      return file;
    },
    refused() {
      count += 1;
      top = -1;
    },
    complete: () => {
      whole = true;
    },
    receive(message) {
      switch (message.t) {
        case 'want':
          return afterWant(message);
        case 'receipts':
          return afterReceipts(message);
        case 'fail':
          return afterFail(message);
        case 'got':
        case 'receipt': {
          const { file } = message;
          const row = open.get(file);
          if (!row && file < count) return [];
          if (row?.kind === 'large') {
            if (message.t === 'receipt') over(file);
            return [{ is: 'large', file, message }];
          }
          throw new SharingError('protocol', `${message.t} of file ${file}, which is not large`);
        }
        case 'placed': {
          const { file, as } = message;
          const row = open.get(file);
          if (row?.kind !== 'folder') {
            throw new SharingError('protocol', `row ${file} is placed, which is no folder`);
          }
          const growing = file === top && !whole;
          if (growing || row.files > 0) throw new SharingError('protocol', 'placed before its end');
          open.delete(file);
          return [{ is: 'placed', file, as }];
        }
        case 'finished':
          // Our own last word on a large file may be said, and its source not yet closed.
          if (whole && [...open.values()].every(({ kind }) => kind === 'large')) {
            return [{ is: 'finished' }];
          }
          throw new SharingError('protocol', 'finished before the end');
        case 'stop':
          return [{ is: 'stopped', error: refusedBy(message) }];
      }
    },
    sent(file) {
      const row = open.get(file);
      if (row?.kind !== 'small') return;
      if (row.phase === 'digesting') row.phase = 'compared';
      if (row.phase !== 'wanted') return;
      row.phase = 'sent';
      under += row.size;
    },
    ended: over,
    mayOffer: (atMost = maxOpenRows) => atMost - Math.max(open.size, count - judged),
    receiverSaves: () =>
      under > 0 || (whole && [...open.values()].every(({ kind }) => kind === 'folder')),
    maySend: (size) => under === 0 || under + size <= smallWindow,
    isDone: () => whole && open.size === 0,
  };
}
