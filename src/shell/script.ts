import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine } from '#src/failure.js';
import { quote } from '#src/view/quote.js';
import type { Readable } from 'node:stream';
import { joinTo, runLine } from './line.js';
import { scriptLines, type ScriptLines } from './script-lines.js';

/**
 * Runs the commands that come on standard input, a line each, and stops at the first that fails; a line
 * that begins with `-` may fail. Each line is shown before it runs, as a terminal would. Gets that follow one another are asked
 * for together; of what comes after one that fails only what is on its way by then still comes.
 */
export async function runScript(
  input: Readable,
  context: Context,
  promptText: () => string,
): Promise<ExitCode> {
  const { signal } = context;
  const lines = scriptLines(input, signal);
  const show = (shown: readonly string[]): void => {
    const typed = shown.filter((line) => line.trim() !== '');
    const rows = typed.map((line) => `${promptText()}${quote(line)}`);
    if (rows.length > 0) context.view.note(rows.join('\n'));
  };
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const mayFail = line.startsWith('-');
    const { following, taken } = await joined(lines, line, context.system.platform);
    show([line, ...taken]);
    const exit = await runLine(context, mayFail ? line.slice(1) : line, { mayFail, following });
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

/** Lines that run as one, at most: what follows runs next. */
const mostJoined = 10_000;

/** Takes the lines that are here already and go with this one, and gives them and their words. */
async function joined(
  lines: ScriptLines,
  first: string,
  platform: NodeJS.Platform,
): Promise<{
  readonly following: readonly (readonly string[])[];
  readonly taken: readonly string[];
}> {
  const join = joinTo(first, platform);
  const following: (readonly string[])[] = [];
  const taken: string[] = [];
  while (join && following.length < mostJoined) {
    const next = await lines.ahead();
    const words = next === undefined ? undefined : join(next);
    if (next === undefined || !words) break;
    taken.push(next);
    following.push(words);
    await lines.next();
  }
  return { following, taken };
}
