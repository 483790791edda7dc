import type { Policy, Transferred } from '#sharing/client.js';
import type { Progress } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine, ProgramError } from '#src/failure.js';
import { tell } from '#src/tell.js';
import type { Answer } from '#src/view/answer.js';
import { progressText } from '#src/view/progress.js';
import { textOption, type Call } from './command.js';

/** Milliseconds between two looks at a transfer that does not move. */
const tick = 1000;

/**
 * Transfers the named files one after the other: each ends with an answer or a failure of its own, and the
 * rest goes on. A `--as` for several files is refused with ProgramError `usage`.
 */
export async function transferEach(
  context: Context,
  call: Call,
  transfer: (path: string, onProgress: (progress: Progress) => void) => Promise<Answer>,
): Promise<ExitCode> {
  if (textOption(call, 'as') !== undefined && call.words.length > 1) {
    throw new ProgramError('usage', '--as names one file only', 'transfer them one by one');
  }
  const codes: ExitCode[] = [];
  for (const path of call.words) {
    // What was not even tried is not done.
    if (context.signal.aborted) {
      codes.push(exitCodes.interrupted);
      break;
    }
    codes.push(await transferOne(context, path, transfer));
  }
  return combine(codes);
}

/** How one file ended, as an answer. */
export function transferAnswer(event: 'received' | 'stored', done: Transferred): Answer {
  const { path, as } = done;
  if (done.outcome === 'skipped') return { event: 'skipped', path, as };
  const { size, digest, outcome } = done;
  return { event, path, as, size, digest, identical: outcome === 'identical' };
}

/** What is to become of a file whose name is taken: the one option that was given, or the setting. */
export function policyOf({ settings }: Context, { options }: Call): Policy {
  const given = (['overwrite', 'skip', 'update'] as const).filter((name) => options[name] === true);
  const [only, second] = given;
  if (second === undefined) return only ?? settings.ifTaken;
  throw new ProgramError(
    'usage',
    `--${String(only)} and --${second} exclude each other`,
    'choose one',
  );
}

async function transferOne(
  context: Context,
  path: string,
  transfer: (path: string, onProgress: (progress: Progress) => void) => Promise<Answer>,
): Promise<ExitCode> {
  const { view } = context;
  const text = progressText(path, () => performance.now());
  let last: Progress | undefined;
  const draw = (): void => {
    if (last) view.status.draw(text(last));
  };
  const timer = setInterval(draw, tick);
  try {
    const answer = await transfer(path, (progress) => {
      last = progress;
      draw();
    });
    view.show(answer);
    return exitCodes.done;
  } catch (error) {
    return await tell(context, path, error);
  } finally {
    clearInterval(timer);
  }
}
