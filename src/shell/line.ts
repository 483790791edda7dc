import { parsePromptLine, type PromptLine } from '#src/arguments.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { tell } from '#src/tell.js';
import type { JobParts } from '#src/jobs.js';
import { isDeepStrictEqual } from 'node:util';
import { splitLine } from './words.js';

/** What a line of a script has beside itself. */
interface Around {
  /** The script goes on though it fails, or its job does. */
  readonly mayFail?: boolean;
  /** Words of the lines after it that run with it (`joinTo`). */
  readonly following?: readonly (readonly string[])[];
}

/** Runs one line of the prompt or of a script; what fails is shown. Empty lines and comments do nothing. */
export async function runLine(
  context: Context,
  line: string,
  { mayFail = false, following = [] }: Around = {},
): Promise<ExitCode> {
  let verb: string | undefined;
  try {
    const { words, beside } = splitLine(line, context.system.platform);
    if (words.length === 0 && beside === undefined) return exitCodes.done;
    const { command, call: own } = parsePromptLine(words);
    const call = following.length === 0 ? own : { ...own, following };
    verb = command.name;
    const { run } = await command.load();
    const at =
      call.options['bytes'] === true
        ? { ...context, view: context.view.styled({ bytes: true }) }
        : context;
    if (beside === undefined) return await run(at, call);
    if (!command.mayRunBeside) {
      throw new ProgramError(
        'usage',
        `${command.name} does not run beside the prompt`,
        'leave out the &',
      );
    }
    return runBeside(at, beside, mayFail, (job) => run(job, call));
  } catch (error) {
    return await tell(context, null, error);
  } finally {
    context.memory.lastVerb = verb;
    context.view.status.clear();
  }
}

/** Gives the words by which a line that comes next goes with this one; undefined where it must run alone. */
type Join = (next: string) => readonly string[] | undefined;

/** Undefined for a line that always runs alone. */
export function joinTo(first: string, platform: NodeJS.Platform): Join | undefined {
  const one = joinable(first, platform);
  if (!one) return undefined;
  return (line) => {
    const next = joinable(line, platform);
    const isAlike =
      next?.command === one.command && isDeepStrictEqual(next.call.options, one.call.options);
    return isAlike ? next.call.words : undefined;
  };
}

/** Undefined also for what is no line at all: that is told when it runs. */
function joinable(line: string, platform: NodeJS.Platform): PromptLine | undefined {
  try {
    const { words, beside } = splitLine(line, platform);
    const parsed = parsePromptLine(words);
    const mayJoin = beside === undefined && parsed.command.mayJoin?.(parsed.call) === true;
    return mayJoin ? parsed : undefined;
  } catch {
    return undefined;
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
