import type { SharingError } from '#sharing/errors.js';
import type { BatchSendRules } from '#sharing/session/batch-sending.js';
import type { Soon } from '#sharing/soon.js';
import { sourceTag } from '#sharing/storage/source.js';
import type { Found, FoundFile, Left } from '#sharing/storage/walk.js';
import type { Road } from '#sharing/transport/lane.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { maxRows, type MessageOf } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';
import type { OfferRow } from '#sharing/wire/rows.js';

/** Bytes of rows that one message holds for sure. */
const pageLength = 48 * 1024;
/** Rows of the first page, so that the receiver has something to do at once; each page may be twice as long. */
const firstRows = 32;

/**
 * Rows that are open at once: with half of them quick disks wait for one another, and more would be kept for so long that it costs
 * the collector more than it saves.
 */
const openRows = 1200;
/** Rows that go together at least, after there was place for none. */
const rowsTogether = 100;

type FoundFolder = Extract<Found, { kind: 'folder' }>;

/** The rows of a batch on their way to the receiver, page by page. */
export interface OfferPages {
  /** Makes place for a row of this text; a promise means that the receiver has to be waited for. */
  place(text: string): Soon<void>;
  /** Adds its row, and gives the row's number. */
  file(found: FoundFile): number;
  folder(found: FoundFolder): number;
  /** A name at the top that cannot be offered; makes place itself. */
  refused(name: string, error: SharingError): Promise<void>;
  /** Says what is there, if something is. */
  flush(): void;
  /** Says that it was all, and what was left out. */
  end(left: Left): void;
}

export interface OfferPagesOptions {
  readonly id: number;
  readonly tagKey: Buffer;
  readonly rules: BatchSendRules;
  /** Goes with the first page. */
  readonly wish: Pick<MessageOf<'offer'>, 'as' | 'policy'>;
  /** Resolves when the receiver has said something; rejects when the batch is over. */
  readonly waitForNews: () => Promise<void>;
  readonly mustGoOn: () => void;
}

export function offerPages(connection: Road, options: OfferPagesOptions): OfferPages {
  const { id, tagKey, rules } = options;
  let { wish } = options;
  let page: OfferRow[] = [];
  let length = 0;
  let limit = firstRows;

  function say(end: Pick<MessageOf<'offer'>, 'more' | 'left'>): void {
    connection.send({ t: 'offer', id, files: page, batch: true, ...wish, ...end });
    wish = {};
    page = [];
    length = 0;
    limit = Math.min(maxRows, 2 * limit);
  }

  function flush(): void {
    if (page.length > 0) say({ more: true });
  }

  function fits(rowLength: number): boolean {
    return page.length < limit && length + rowLength <= pageLength;
  }

  async function makePlace(rowLength: number): Promise<void> {
    if (!fits(rowLength) || rules.mayOffer(openRows) <= 0) flush();
    // Whoever has said all that may be open waits until a page may go: one message for each row would cost more than the row.
    if (rules.mayOffer(openRows) <= 0)
      while (rules.mayOffer(openRows) < rowsTogether) await options.waitForNews();
    await connection.drained();
    options.mustGoOn();
  }

  function add(row: OfferRow, text: string): void {
    page.push(row);
    length += longestRow(text);
  }

  function place(text: string): Soon<void> {
    const rowLength = longestRow(text);
    return fits(rowLength) && rules.mayOffer(openRows) > 0 ? undefined : makePlace(rowLength);
  }

  return {
    place,
    file({ path, mtime, size, state }) {
      const isLarge = size > chunkSize;
      add(isLarge ? [path, size, mtime, sourceTag(state, tagKey)] : [path, size, mtime], path);
      return rules.offer(size, !path.includes('/'));
    },
    folder({ path, mtime, isTop }) {
      add([path, mtime], path);
      return rules.offer(undefined, isTop);
    },
    async refused(name, error) {
      const { code, message } = refusalOf(error);
      const text = `${name}${message}`;
      await place(text);
      add([name, code, message], text);
      rules.refused();
    },
    flush,
    end(left) {
      say({ more: false, left });
      rules.complete();
    },
  };
}

/** The bytes that a row of this text takes in a message at most: a character of it is three bytes, or two when it is escaped. */
function longestRow(text: string): number {
  return 3 * text.length + 80;
}
