import type { Writable } from 'node:stream';
import { fitInto } from './columns.js';

/** The one line that is drawn over while something runs; elsewhere a line now and then. */
export interface StatusLine {
  /** False while what is drawn would not be shown. */
  isDue(): boolean;
  draw(text: string): void;
  clear(): void;
}

/** Milliseconds between two drawings, and between two lines without a terminal. */
const redrawTime = 100;
const lineTime = 5000;

export function statusLine(
  error: Writable & { readonly isTTY?: boolean; readonly columns?: number },
  silent: boolean,
  now: () => number = () => performance.now(),
): StatusLine {
  const terminal = error.isTTY === true;
  const began = now();
  let drawn = false;
  // Without a terminal the first line comes late, so that a quick transfer prints none.
  let last = terminal ? -Infinity : began;

  const isDue = (): boolean => !silent && now() - last >= (terminal ? redrawTime : lineTime);

  return {
    isDue,
    draw(text) {
      if (!isDue()) return;
      last = now();
      if (!terminal) {
        error.write(`${text}\n`);
        return;
      }
      const width = (error.columns ?? 80) - 1;
      error.write(`\r\u001b[K${fitInto(text, width)}`);
      drawn = true;
    },
    clear() {
      if (!drawn) return;
      error.write('\r\u001b[K');
      drawn = false;
      last = terminal ? -Infinity : last;
    },
  };
}
