import type { Requests } from '#sharing/dialogue/requests.js';
import { SharingError } from '#sharing/errors.js';
import { isSafeName } from '#sharing/storage/path.js';
import { maxListed, type Entry, type Page } from '#sharing/storage/share.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { MessageOf } from '#sharing/wire/message.js';
import type { EntryRow } from '#sharing/wire/rows.js';

/** Asks for a list and gives its pages at the reader's pace. Breaking off is no failure. */
export async function* list(
  connection: Connection,
  requests: Requests,
  path: string,
  stop?: AbortSignal,
): AsyncGenerator<Page, void, undefined> {
  const pages = pageQueue();
  const id = requests.begin('listing', () => ({ listed: pages.push, refused: pages.fail }));
  const cancel = (): void => {
    pages.fail(new SharingError('cancelled', 'cancelled'));
  };
  stop?.addEventListener('abort', cancel, { once: true });
  if (stop?.aborted) cancel();
  connection.send({ t: 'list', id, path });
  try {
    yield* pages.read();
  } finally {
    stop?.removeEventListener('abort', cancel);
    pages.fail(new SharingError('cancelled', 'read no further'));
    requests.forget(id);
  }
}

/** Pages that wait for their reader, at most; more are not read from the connection. */
const maxPages = 4;

interface PageQueue {
  readonly push: (page: MessageOf<'entries'>) => Promise<void> | undefined;
  readonly fail: (error: SharingError) => void;
  read(): AsyncGenerator<Page, void, undefined>;
}

/** Hands pages from the connection to whoever reads the list, at the reader's pace. */
function pageQueue(): PageQueue {
  const pages: Page[] = [];
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
    push({ rows, more, unshared = 0 }) {
      if (over) return undefined;
      if (more && rows.length === 0) throw new SharingError('protocol', 'an empty page');
      count += rows.length;
      if (count > maxListed) throw new SharingError('protocol', `more than ${maxListed} rows`);
      const entries = rows.map(judgeRow).filter((entry) => entry !== undefined);
      pages.push({ entries, unshared: unshared + rows.length - entries.length });
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
