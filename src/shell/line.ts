import { parsePromptLine } from '#src/arguments.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { tell } from '#src/tell.js';
import type { JobParts } from '#src/jobs.js';
import { splitWords } from './words.js';

/**
 * Runs one line of the prompt or of a script; what fails is shown. Empty lines and comments do nothing. Of a line that `mayFail`
 * the job may, too.
 */
export async function runLine(context: Context, line: string, mayFail = false): Promise<ExitCode> {
  if (line.trimStart().startsWith('#')) return exitCodes.done;
  try {
    const words = splitWords(line, context.system.platform);
    if (words.length === 0) return exitCodes.done;
    const beside = words.length > 1 && words.at(-1) === '&';
    const { command, call } = parsePromptLine(beside ? words.slice(0, -1) : words);
    const { run } = await command.load();
    const own =
      call.options['bytes'] === true
        ? { ...context, view: context.view.styled({ bytes: true }) }
        : context;
    if (!beside) return await run(own, call);
    if (!command.mayRunBeside) {
      throw new ProgramError(
        'usage',
        `${command.name} does not run beside the prompt`,
        'leave out the &',
      );
    }
    return runBeside(own, line, mayFail, (beside) => run(beside, call));
  } catch (error) {
    return await tell(context, null, error);
  } finally {
    context.view.status.clear();
  }
}

/** The prompt is back at once; nobody is asked anything on the way. */
function runBeside(
  context: Context,
  line: string,
  mayFail: boolean,
  run: (own: Context) => Promise<ExitCode>,
): ExitCode {
  const text = line.trim().replace(/\s*&$/, '');
  const work = async (parts: JobParts): Promise<ExitCode> => {
    const own: Context = { ...context, ...parts, ask: undefined };
    try {
      return await run(own);
    } catch (error) {
      return await tell(own, null, error);
    }
  };
  const number = context.memory.jobs.start(text, context.view, work, mayFail);
  context.view.show({ event: 'job', number, line: text, state: 'running' });
  return exitCodes.done;
}
