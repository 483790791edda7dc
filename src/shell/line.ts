import { parsePromptLine } from '#src/arguments.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { tell } from '#src/tell.js';
import type { JobParts } from '#src/jobs.js';
import { splitLine } from './words.js';

/**
 * Runs one line of the prompt or of a script; what fails is shown. Empty lines and comments do nothing. Of a line that `mayFail`
 * the job may, too.
 */
export async function runLine(context: Context, line: string, mayFail = false): Promise<ExitCode> {
  let verb: string | undefined;
  try {
    const { words, beside } = splitLine(line, context.system.platform);
    if (words.length === 0 && beside === undefined) return exitCodes.done;
    const { command, call } = parsePromptLine(words);
    verb = command.name;
    const { run } = await command.load();
    const own =
      call.options['bytes'] === true
        ? { ...context, view: context.view.styled({ bytes: true }) }
        : context;
    if (beside === undefined) return await run(own, call);
    if (!command.mayRunBeside) {
      throw new ProgramError(
        'usage',
        `${command.name} does not run beside the prompt`,
        'leave out the &',
      );
    }
    return runBeside(own, beside, mayFail, (job) => run(job, call));
  } catch (error) {
    return await tell(context, null, error);
  } finally {
    context.memory.lastVerb = verb;
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
  const work = async (parts: JobParts): Promise<ExitCode> => {
    const own: Context = { ...context, ...parts, ask: undefined };
    try {
      return await run(own);
    } catch (error) {
      return await tell(own, null, error);
    }
  };
  const number = context.memory.jobs.start(line, context.view, work, mayFail);
  context.view.show({ event: 'job', number, line, state: 'running' });
  return exitCodes.done;
}
