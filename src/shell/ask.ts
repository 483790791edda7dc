import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';

/** Asks one question on a terminal, in one shot; Ctrl-C, Ctrl-D and a terminal that vanishes answer nothing. */
export function askOnce(input: Readable, output: Writable): (question: string) => Promise<string> {
  return async (question) => {
    const lines = createInterface({ input, output, terminal: true });
    const left = new AbortController();
    lines.on('SIGINT', () => {
      left.abort();
    });
    for (const end of ['close', 'error']) {
      lines.on(end, () => {
        left.abort();
      });
    }
    try {
      return await lines.question(question, { signal: left.signal });
    } catch {
      return '';
    } finally {
      lines.close();
    }
  };
}
