import { openOutlet } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { isGlob } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { withSession } from '#src/servers/session.js';
import { tell } from '#src/tell.js';
import { quote } from '#src/view/quote.js';
import type { Writable } from 'node:stream';
import type { Call } from './command.js';
import { watchProgress } from './transfer.js';

/** True when what is got goes to standard output: the last of several words is `-`. */
export function isStream({ words }: Call): boolean {
  return words.length > 1 && words.at(-1) === '-';
}

/**
 * Gets one file to standard output, in order, each chunk verified before a byte of it is written. Throws ProgramError
 * `usage` for what makes no sense with it.
 */
export async function getStream(context: Context, call: Call): Promise<ExitCode> {
  const path = onlyPath(context, call);
  return withSession(context, call, async (session) => {
    const { output, signal, view } = context;
    const { onProgress, stop } = watchProgress(context, path);
    try {
      await session.stream(path, {
        outlet: openOutlet((bytes) => write(output, bytes, signal)),
        onProgress,
        signal,
        onEnded(ended) {
          if (ended.outcome !== 'received') return;
          view.note(`${quote(path)}  verified  ${view.sizeText(ended.size)}`);
        },
      });
      return exitCodes.done;
    } catch (error) {
      // Whoever stopped reading knows that, and has what it wanted; of a full disk the user was told.
      if (!view.isHeard()) return exitCodes.interrupted;
      return await tell(context, path, inWords(path, error));
    } finally {
      stop();
    }
  });
}

/** What is no single file was not meant to come this way. */
function inWords(path: string, error: unknown): unknown {
  const code = error instanceof SharingError ? error.code : undefined;
  const hint = 'get it into a folder: leave the - out';
  if (code === 'is-folder') {
    return new ProgramError(
      'usage',
      'this is a folder, and one file only goes to standard output',
      hint,
    );
  }
  if (code === 'not-found' && isGlob(path)) {
    return new ProgramError(
      'usage',
      'no file has this name, and a pattern may stand for many',
      hint,
    );
  }
  return error;
}

function onlyPath({ atPrompt, view, onTerminal }: Context, call: Call): string {
  const [path = '', ...rest] = call.words;
  const option = ['as', 'overwrite', 'skip', 'update'].find(
    (name) => call.options[name] !== undefined,
  );
  const wrong = ((): readonly [string, string] | undefined => {
    if (atPrompt) return ['the prompt has the screen for itself', 'in one shot: lanpost get'];
    if (rest.length > 1) return ['one file only goes to standard output', 'get them one by one'];
    if (option !== undefined) return [`--${option} needs a file to name`, 'leave it out, or the -'];
    if (view.json) return ['--json and - both want standard output', 'the exit code tells enough'];
    if (onTerminal) return ['standard output is a terminal', 'lanpost get ... - | less, or > file'];
    return undefined;
  })();
  if (wrong) throw new ProgramError('usage', ...wrong);
  return path;
}

/** Resolves once whoever reads our standard output has taken the bytes. Rejects with SharingError when it never will. */
function write(output: Writable, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new SharingError('cancelled', 'interrupted'));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    output.write(bytes, (error) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(new SharingError('cancelled', 'standard output cannot be written'));
      else resolve();
    });
  });
}
