import { SharingError } from '#sharing/errors.js';
import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';

/**
 * Asks one question on a terminal, in one shot; Ctrl-D and a terminal that vanishes answer nothing. Rejects with SharingError
 * `cancelled` after Ctrl-C, and when the signal is aborted.
 */
export function askOnce(
  input: Readable,
  output: Writable,
  signal: AbortSignal,
): (question: string) => Promise<string> {
  return async (question) => {
    const lines = createInterface({ input, output, terminal: true });
    const left = new AbortController();
    lines.on('SIGINT', () => {
      left.abort(new SharingError('cancelled', 'interrupted'));
    });
    for (const end of ['close', 'error']) {
      lines.on(end, () => {
        left.abort();
      });
    }
    try {
      return await lines.question(question, { signal: AbortSignal.any([left.signal, signal]) });
    } catch {
      // The question stands in a line that nobody has ended.
      output.write('\n');
      if (left.signal.reason instanceof SharingError) throw left.signal.reason;
      if (signal.aborted) throw new SharingError('cancelled', 'interrupted');
      return '';
    } finally {
      lines.close();
    }
  };
}
