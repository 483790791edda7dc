import { errnoOf } from '#sharing/errors.js';
import type { Readable, Writable } from 'node:stream';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';

/** What the program hears when its own streams go: the terminal vanishes, the disk of `> file` is full. */
export interface Loss {
  /** Calls back when standard input or output is lost; gives the way to stop that. */
  onLoss(handler: () => void): () => void;
  /** The exit code of a run that ended with `exit`: a loss that cut it short, or that nobody saw it end, counts. */
  exitOf(exit: ExitCode): ExitCode;
}

/** Watches the three streams of a process, so that none of them ends it out of order. */
export function watchLoss(input: Readable, output: Writable, error: Writable): Loss {
  const handlers = new Set<() => void>();
  let lost: ExitCode | undefined;

  function lose(words: string, problem: Error): void {
    const errno = errnoOf(problem) ?? problem.message;
    // A reader of our output that went away (`lanpost list x | head`) is no fault of ours.
    if (errno === 'EPIPE' || lost !== undefined) return;
    const full = errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'EFBIG';
    lost = full ? exitCodes.room : exitCodes.interrupted;
    error.write(`lanpost: ${words} (${errno})\n`);
    for (const handler of handlers) handler();
  }

  input.on('error', (problem) => {
    lose('standard input cannot be read', problem);
  });
  output.on('error', (problem) => {
    lose('standard output cannot be written', problem);
  });
  // Without it nobody hears remarks, and that is all.
  error.on('error', () => undefined);

  return {
    onLoss(handler) {
      handlers.add(handler);
      if (lost !== undefined) handler();
      return () => {
        handlers.delete(handler);
      };
    },
    exitOf: (exit) =>
      exit === exitCodes.done || exit === exitCodes.interrupted ? (lost ?? exit) : exit,
  };
}
