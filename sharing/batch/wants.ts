import { rangesOf } from '#sharing/session/ranges.js';
import type { Speech } from '#sharing/transport/connection.js';
import type { Want } from '#sharing/wire/message.js';

/** Rows of wants that one message holds for sure. */
const rowsAtOnce = 40;

/** What a receiver has decided of a batch, on its way to the sender: what comes together goes together. */
export interface WantQueue {
  add(want: Want): void;
  /** A small file is wanted whole. */
  whole(file: number): void;
  /** So many rows were looked at by now. */
  judged(rows: number): void;
  /** Says all of it now. */
  flush(): void;
  /** Nothing is said any more. */
  close(): void;
}

export function wantQueue(connection: Speech, id: number): WantQueue {
  let rows: Want[] = [];
  let whole: number[] = [];
  let judged = 0;
  let told = 0;
  let soon: NodeJS.Immediate | undefined;
  let closed = false;

  function later(): void {
    if (!closed) soon ??= setImmediate(flush);
  }

  function flush(): void {
    clearImmediate(soon);
    soon = undefined;
    if (closed || connection.signal.aborted) return;
    const message = { t: 'want', id, more: false, judged } as const;
    const parts = rangesOf(whole.sort((a, b) => a - b));
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      connection.send({ ...message, files: rows.slice(at, at + rowsAtOnce) });
    }
    for (const all of parts) connection.send({ ...message, files: [], all });
    if (rows.length + parts.length === 0 && told < judged) {
      connection.send({ ...message, files: [] });
    }
    rows = [];
    whole = [];
    told = judged;
  }

  return {
    add(want) {
      rows.push(want);
      later();
    },
    whole(file) {
      whole.push(file);
      later();
    },
    judged(count) {
      judged = count;
      later();
    },
    flush,
    close() {
      closed = true;
      clearImmediate(soon);
    },
  };
}
