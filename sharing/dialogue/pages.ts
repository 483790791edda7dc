import { SharingError } from '#sharing/errors.js';
import { isSafeName } from '#sharing/storage/path.js';
import { maxListed, type Entry } from '#sharing/storage/share.js';
import type { EntryRow } from '#sharing/wire/message.js';

/** Pages that wait for their reader, at most; more are not read from the connection. */
const maxPages = 4;

export interface PageQueue {
  readonly push: (rows: readonly EntryRow[], more: boolean) => Promise<void> | undefined;
  readonly fail: (error: SharingError) => void;
  read(): AsyncGenerator<readonly Entry[], void, undefined>;
}

/** Hands pages from the connection to whoever reads the list, at the reader's pace. */
export function pageQueue(): PageQueue {
  const pages: (readonly Entry[])[] = [];
  let count = 0;
  let over: SharingError | 'complete' | undefined;
  let wake: () => void = () => undefined;
  let release: () => void = () => undefined;

  function finish(how: SharingError | 'complete'): void {
    over ??= how;
    wake();
    release();
  }

  return {
    fail: finish,
    push(rows, more) {
      if (over) return undefined;
      count += rows.length;
      if (count > maxListed) throw new SharingError('protocol', `more than ${maxListed} rows`);
      pages.push(rows.map(judgeRow).filter((entry) => entry !== undefined));
      if (!more) finish('complete');
      wake();
      if (pages.length < maxPages || !more) return undefined;
      return new Promise((resolve) => {
        release = resolve;
      });
    },
    async *read() {
      for (;;) {
        const page = pages.shift();
        release();
        if (page) yield page;
        else if (over === 'complete') return;
        else if (over) throw over;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    },
  };
}

/** A server's names pass the same judgement as ours; what does not is left out. */
function judgeRow([name, type, size, mtime]: EntryRow): Entry | undefined {
  return isSafeName(name) ? { name, type, size, mtime } : undefined;
}
