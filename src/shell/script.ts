import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine } from '#src/failure.js';
import { quote } from '#src/view/quote.js';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { runLine } from './line.js';

/**
 * Runs the commands that come on standard input, a line each, and stops at the first that fails; a line
 * that begins with `-` may fail. Each line is shown before it runs, as a terminal would.
 */
export async function runScript(
  input: Readable,
  context: Context,
  promptText: () => string,
): Promise<ExitCode> {
  const { signal } = context;
  const lines = createInterface({ input, crlfDelay: Infinity, signal });
  for await (const line of lines) {
    const mayFail = line.startsWith('-');
    if (line.trim() !== '') context.view.note(`${promptText()}${quote(line)}`);
    const exit = await runLine(context, mayFail ? line.slice(1) : line, mayFail);
    if (exit !== exitCodes.done && !mayFail) return exit;
    if (context.memory.leaving || signal.aborted) break;
  }
  signal.addEventListener('abort', () => {
    context.memory.jobs.cancelAll();
  });
  if (signal.aborted) context.memory.jobs.cancelAll();
  // What was begun beside is part of the script.
  const codes = await context.memory.jobs.settled();
  return signal.aborted ? exitCodes.interrupted : combine(codes);
}
