import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

/** The lines of a script, as they come. */
export interface ScriptLines {
  /** Undefined at the end. */
  next(): Promise<string | undefined>;
  /** The line that comes next, if it is here already; it stays the next one. */
  ahead(): Promise<string | undefined>;
}

/** The lines of `input` until it ends or the signal is aborted. */
export function scriptLines(input: Readable, signal: AbortSignal): ScriptLines {
  const lines = createInterface({ input, crlfDelay: Infinity, signal })[Symbol.asyncIterator]();
  let coming: Promise<string | undefined> | undefined;

  function come(): Promise<string | undefined> {
    return (coming ??= lines.next().then(({ done, value }) => (done === true ? undefined : value)));
  }

  return {
    next() {
      const line = come();
      coming = undefined;
      return line;
    },
    // Whoever writes line by line may wait for what this one does: what is not here is not waited for.
    ahead: () => Promise.race([come(), turn(undefined)]),
  };
}
