import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter } from 'node:path';
import type { Writable } from 'node:stream';
import { vi } from 'vitest';
import type { Host } from './hosts.js';

/** How a command line ended, and what it wrote on either output, in the order of a terminal. */
export interface Played {
  readonly code: number | null;
  readonly output: string;
}

interface Running {
  readonly input: Writable;
  readonly played: Promise<Played>;
  interrupt(): void;
  says(words: string): Promise<void>;
}

/** Runs a line of a shell on a machine of the test network to its end; the programs in `programs` come first. */
export async function inShell(
  host: Host,
  programs: string,
  line: string,
  input = '',
): Promise<Played> {
  const child = startShell(host, programs, line);
  child.input.end(input);
  return child.played;
}

/** What shares a folder stays: it is ended as by Ctrl-C once it serves. */
export async function untilServing(host: Host, programs: string, line: string): Promise<Played> {
  const child = startShell(host, programs, line);
  await child.says('File Sharing Service').finally(() => {
    child.interrupt();
  });
  const { code, output } = await child.played;
  // Whatever npm and the shell make of a signal.
  return { code: output.includes('\nstopped\n') ? 0 : code, output };
}

function startShell(
  { namespace, folder: cwd, state }: Host,
  programs: string,
  line: string,
): Running {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LANPOST_'));
  const child = spawn('ip', ['netns', 'exec', namespace, 'sh', '-c', `exec 2>&1; ${line}`], {
    cwd,
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...Object.fromEntries(own),
      HOME: cwd,
      LANPOST_HOME: state,
      PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
    },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  // A program that ends early leaves its input unread.
  child.stdin.on('error', () => undefined);
  const played = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return {
    input: child.stdin,
    played,
    interrupt() {
      // It leads a group of its own, with all that it started; one that has ended cannot be interrupted.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    },
    says: (words) =>
      vi.waitFor(
        () => {
          if (!output.includes(words)) throw new Error(`no ${words} in ${output}`);
        },
        { timeout: 20_000, interval: 50 },
      ),
  };
}
