import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/failure.js';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { runLine } from './line.js';

export interface TerminalOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Ends the shell from outside. */
  readonly quit: AbortSignal;
  /** Makes what one line needs; `signal` ends it, `ask` asks through the same line editor. */
  readonly contextFor: (parts: {
    readonly signal: AbortSignal;
    readonly ask: (question: string) => Promise<string>;
  }) => Context;
  readonly promptText: (context: Context) => string;
  readonly history: readonly string[];
  readonly onHistory: (history: readonly string[]) => void;
}

const historySize = 500;

/**
 * The prompt: reads lines until Ctrl-D or `bye` without a session. Ctrl-C ends what runs, never the
 * shell. Lines that are typed ahead or pasted run one after the other.
 */
export async function runTerminal(options: TerminalOptions): Promise<ExitCode> {
  const lines = createInterface({
    input: options.input,
    output: options.output,
    terminal: true,
    historySize,
    history: [...options.history],
    removeHistoryDuplicates: true,
  });
  lines.on('history', options.onHistory);
  const typed = lineQueue(lines);
  options.quit.addEventListener(
    'abort',
    () => {
      lines.close();
    },
    { once: true },
  );
  const idle = options.contextFor({ signal: AbortSignal.abort(), ask: () => Promise.resolve('') });

  try {
    for (;;) {
      lines.setPrompt(options.promptText(idle));
      lines.prompt();
      const line = await typed.next(() => {
        lines.write(null, { ctrl: true, name: 'u' });
        options.output.write('\n(bye or Ctrl-D leaves)\n');
        lines.prompt();
      });
      if (line === undefined) break;
      await runOne(options, typed, lines, line);
      if (idle.memory.leaving) break;
    }
  } finally {
    lines.close();
  }
  options.output.write('\n');
  return exitCodes.done;
}

async function runOne(
  options: TerminalOptions,
  typed: LineQueue,
  lines: Interface,
  line: string,
): Promise<void> {
  const stop = new AbortController();
  const ask = async (question: string): Promise<string> => {
    lines.setPrompt(question);
    lines.prompt();
    return (
      (await typed.next(() => {
        stop.abort();
      })) ?? ''
    );
  };
  typed.onInterrupt(() => {
    stop.abort();
  });
  await runLine(
    options.contextFor({ signal: AbortSignal.any([stop.signal, options.quit]), ask }),
    line,
  );
}

interface LineQueue {
  /** The next line; undefined at the end. `interrupted` is called for Ctrl-C while it waits. */
  next(interrupted: () => void): Promise<string | undefined>;
  onInterrupt(handler: () => void): void;
}

function lineQueue(lines: Interface): LineQueue {
  const waiting: string[] = [];
  let ended = false;
  let wake: () => void = () => undefined;
  let interrupt: () => void = () => undefined;
  lines.on('line', (line) => {
    waiting.push(line);
    wake();
  });
  lines.on('close', () => {
    ended = true;
    wake();
  });
  lines.on('SIGINT', () => {
    interrupt();
    wake();
  });
  return {
    async next(interrupted) {
      interrupt = interrupted;
      while (waiting.length === 0 && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift();
    },
    onInterrupt(handler) {
      interrupt = handler;
    },
  };
}
