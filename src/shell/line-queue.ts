import type { Interface } from 'node:readline';

/** What came next at the prompt. */
export type Typed =
  | { readonly kind: 'line'; readonly line: string }
  /** Ctrl-C while nothing ran. */
  | { readonly kind: 'interrupt' }
  /** Ctrl-D, or the terminal is gone. */
  | { readonly kind: 'end' };

/** The lines of a terminal, kept while something else runs. */
export interface LineQueue {
  next(): Promise<Typed>;
  /** What is typed from now on; what was typed ahead stays in the queue. */
  answer(): Promise<Typed>;
  /** The line that was typed ahead and comes next. */
  ahead(): string | undefined;
  isWaiting(): boolean;
  /** Calls back for Ctrl-C while nobody waits for a line; gives the way to stop that. */
  onInterrupt(handler: () => void): () => void;
}

export function lineQueue(lines: Interface): LineQueue {
  const typed: Typed[] = [];
  let ended = false;
  let interrupt: (() => void) | undefined;
  let take: ((next: Typed) => void) | undefined;

  function offer(next: Typed): void {
    if (!take) {
      typed.push(next);
      return;
    }
    const waiting = take;
    take = undefined;
    waiting(next);
  }

  lines.on('line', (line) => {
    offer({ kind: 'line', line });
  });
  function end(): void {
    if (ended) return;
    ended = true;
    offer({ kind: 'end' });
  }

  lines.on('close', end);
  // The terminal has vanished; who watches the streams of the process says so.
  lines.on('error', end);
  lines.on('SIGINT', () => {
    // Who interrupts does not want the lines that were typed ahead either.
    typed.length = 0;
    if (take) offer({ kind: 'interrupt' });
    else interrupt?.();
  });

  function answer(): Promise<Typed> {
    if (ended) return Promise.resolve({ kind: 'end' });
    return new Promise((resolve) => {
      take = resolve;
    });
  }

  return {
    isWaiting: () => take !== undefined,
    answer,
    ahead() {
      const [first] = typed;
      return first?.kind === 'line' ? first.line : undefined;
    },
    next() {
      const first = typed.shift();
      return first ? Promise.resolve(first) : answer();
    },
    onInterrupt(handler) {
      interrupt = handler;
      return () => {
        if (interrupt === handler) interrupt = undefined;
      };
    },
  };
}
