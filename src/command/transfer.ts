import type { Ended, LeftOut, Policy, TransferOptions } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import type { Progress } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine, ProgramError } from '#src/failure.js';
import { tuneForTransfers } from '#src/process/tuning.js';
import { tell } from '#src/tell.js';
import type { Answer } from '#src/view/answer.js';
import { progressText } from '#src/view/progress.js';
import type { Tally } from './tally.js';
import { textOption, type Call } from './command.js';

/** Milliseconds between two looks at a transfer that does not move. */
const tick = 1000;

/** What every transfer is told. */
export type Hooks = Pick<TransferOptions, 'onEnded' | 'each' | 'onProgress' | 'signal'>;

/** How a transfer is shown. */
export interface Showing {
  /** What it is about, for the status line. */
  readonly title: string;
  /** What failed when all of it does; null when it is the command as a whole. */
  readonly path: string | null;
  readonly event: 'received' | 'stored';
  /** Goes before the names that files got. */
  readonly placeOf: (as: string) => string;
  readonly tally: Tally;
  /** Finds out what may have been meant by a path that leads nowhere, and adds it; undefined where nobody asks. */
  readonly lookUp?: (error: unknown, path: string) => (() => Promise<unknown>) | undefined;
}

/**
 * Runs one transfer, of one file or of many: each ends with an answer or a failure of its own, and the rest goes on.
 */
export async function transfer(
  context: Context,
  { title, path, event, placeOf, tally, lookUp }: Showing,
  work: (hooks: Hooks) => Promise<LeftOut>,
): Promise<ExitCode> {
  const { view, signal } = context;
  // What was not even tried is not done.
  if (signal.aborted) return exitCodes.interrupted;
  // Thousands of files may fail: only what is still being told is kept.
  const codes = new Set<ExitCode>();
  const telling = new Set<Promise<void>>();
  /** A server may answer one request at a time: what has to be looked up waits. */
  const late: (() => Promise<void>)[] = [];
  const tellNow = async (failed: string | null, error: unknown): Promise<void> => {
    codes.add(await tell(context, failed, error));
  };
  const fail = (failed: string | null, error: unknown): void => {
    const find = failed === null ? undefined : lookUp?.(error, failed);
    if (find) {
      late.push(async () => tellNow(failed, await find()));
      return;
    }
    const told = tellNow(failed, error).then(() => {
      telling.delete(told);
    });
    // One that fails stays, and fails all of it below.
    told.catch(() => undefined);
    telling.add(told);
  };
  const { onProgress, stop } = watchProgress(context, title);
  const onEnded = (ended: Ended): void => {
    tally.note(ended);
    if (ended.outcome === 'failed') fail(ended.path, ended.error);
    else view.show(answerOf(ended, event, placeOf));
  };
  try {
    const working = work({ onEnded, each: view.json, onProgress, signal });
    // The other side has something to do until it answers.
    tuneForTransfers();
    const { links, hidden } = await working;
    if (links + hidden > 0) view.show({ event: 'left-out', links, hidden });
  } catch (error) {
    tally.failed();
    fail(path, ofTransfer(error));
  } finally {
    stop();
  }
  await Promise.all(telling);
  for (const tellLate of late) await tellLate();
  return combine([...codes]);
}

/** What was interrupted can go on later. */
function ofTransfer(error: unknown): unknown {
  if (!(error instanceof SharingError) || error.code !== 'cancelled') return error;
  return new SharingError(error.code, error.message, { ...error.facts, transfer: true }, error);
}

/** Shows how far a transfer is, until it is stopped. */
export function watchProgress(
  { view: { status, sizeText } }: Context,
  title: string,
): { readonly onProgress: (progress: Progress) => void; readonly stop: () => void } {
  const text = progressText(title, () => performance.now(), sizeText);
  let last: Progress | undefined;
  // Words are made when they are shown, and not for each file.
  const draw = (): void => {
    if (status.isDue()) status.draw(text(last, status.columns()));
  };
  const timer = setInterval(draw, tick);
  return {
    onProgress(progress) {
      last = progress;
      draw();
    },
    stop() {
      clearInterval(timer);
      status.clear();
    },
  };
}

function answerOf(
  ended: Exclude<Ended, { readonly outcome: 'failed' }>,
  event: 'received' | 'stored',
  placeOf: (as: string) => string,
): Answer {
  const as = placeOf(ended.as);
  const { path } = ended;
  switch (ended.outcome) {
    case 'skipped':
      return { event: 'skipped', path, as };
    case 'folder': {
      const { outcome: _, ...counts } = ended;
      return { event: 'folder', ...counts, as };
    }
    default: {
      const { size, digest, outcome } = ended;
      return { event, path, as, size, digest, identical: outcome === 'identical' };
    }
  }
}

/** The plain name for the only word. Throws ProgramError `usage` when there are several. */
export function plainNameOf(call: Call): string | undefined {
  const as = textOption(call, 'as');
  mustBeOne(as, call.words.length);
  return as;
}

/** Throws ProgramError `usage` when a plain name is given to several. */
export function mustBeOne(as: string | undefined, count: number): void {
  if (as === undefined || count <= 1) return;
  throw new ProgramError('usage', '--as names one file only', 'transfer them one by one');
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
