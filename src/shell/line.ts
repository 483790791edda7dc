import { parsePromptLine } from '#src/arguments.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { tell } from '#src/tell.js';
import { splitWords } from './words.js';

/** Runs one line of the prompt or of a script; what fails is shown. Empty lines and comments do nothing. */
export async function runLine(context: Context, line: string): Promise<ExitCode> {
  try {
    const words = splitWords(line);
    if (words.length === 0 || line.trimStart().startsWith('#')) return exitCodes.done;
    const { command, call } = parsePromptLine(words);
    const { run } = await command.load();
    return await run(context, call);
  } catch (error) {
    return await tell(context, null, error);
  } finally {
    context.view.status.clear();
  }
}
