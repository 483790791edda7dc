import { spawn, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';

/** A terminal with a program on it, as a person has it. */
export interface PseudoTerminal extends AsyncDisposable {
  /** Keys, as they come from a keyboard: one call is what is pasted at once. */
  type(keys: string): void;
  /** All that was drawn so far, without what moves the cursor. */
  screen(): string;
  /** The same with all that was written. */
  raw(): string;
  /** Resolves once these words are drawn, after those of the last call. */
  until(words: string | RegExp): Promise<void>;
  /** Gives the terminal another size, as a window does. */
  resize(columns: number, rows: number): void;
  readonly ended: Promise<void>;
}

export interface TerminalOptions {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly columns?: number;
}

/** Runs a command line of the shell on a terminal of its own. */
export function openTerminal(
  commandLine: string,
  { folder, environment, columns = 80 }: TerminalOptions,
): PseudoTerminal {
  const inner = `stty cols ${columns} rows 24; tty; ${commandLine}`;
  const child = spawn('script', ['-qec', inner, '/dev/null'], {
    cwd: folder,
    env: { ...environment, SHELL: '/bin/sh', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const parts: string[] = [];
  let from = 0;
  child.stdout.on('data', (part: Buffer) => parts.push(part.toString()));
  // What is typed when nobody is there any more is lost.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  const raw = (): string => parts.join('');
  const screen = (): string => stripVTControlCharacters(raw()).replaceAll('\r', '');
  return {
    raw,
    screen,
    ended,
    type(keys) {
      child.stdin.write(keys);
    },
    async until(words) {
      const found = await vi.waitFor(
        () => {
          const shown = screen().slice(from);
          const at = typeof words === 'string' ? shown.indexOf(words) : shown.search(words);
          if (at < 0) throw new Error(`no ${String(words)} in: ${shown}`);
          return at + (typeof words === 'string' ? words.length : 1);
        },
        { timeout: 20_000, interval: 20 },
      );
      from += found;
    },
    resize(width, rows) {
      const [place = ''] = /\/dev\/pts\/\d+/.exec(raw()) ?? [];
      spawnSync('stty', ['-F', place, 'cols', String(width), 'rows', String(rows)]);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
