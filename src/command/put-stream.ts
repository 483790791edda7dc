import { openSpool, type Spool } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import type { ExitCode } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { textOption, type Call } from './command.js';

/** True when standard input is put: one of the words is `-`. */
export function isPiped({ words }: Call): boolean {
  return words.includes('-');
}

/**
 * Runs `work` with what is read from standard input, once and as soon as somebody wants it. Throws ProgramError `usage` for
 * what makes no sense with it.
 */
export async function withInput(
  context: Context,
  call: Call,
  work: (input: () => Promise<Spool>) => Promise<ExitCode>,
): Promise<ExitCode> {
  mustMakeSense(context, call);
  let spool: Promise<Spool> | undefined;
  try {
    return await work(() => (spool ??= readInput(context)));
  } finally {
    await (await spool?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }
}

async function readInput({ input, temporaryFolder, signal, view }: Context): Promise<Spool> {
  if (input.isTTY === true) view.note('reading standard input; Ctrl-D ends it');
  const spool = await openSpool(input, {
    folder: temporaryFolder,
    signal,
    onBytes(bytes) {
      if (view.status.isDue()) view.status.draw(`reading standard input  ${view.sizeText(bytes)}`);
    },
  });
  view.status.clear();
  return spool;
}

function mustMakeSense({ atPrompt }: Context, call: Call): void {
  const wrong = ((): readonly [string, string] | undefined => {
    if (atPrompt) return ['standard input holds the commands', 'in one shot: lanpost put'];
    if (call.words.length > 1) return ['- goes alone', 'put the other things by themselves'];
    if (textOption(call, 'as') === undefined) {
      return ['standard input has no name', 'name it: lanpost put ... - --as notes.txt'];
    }
    if (textOption(call, 'code-file') === '-') {
      return [
        'standard input is the file, and cannot be the code too',
        'put the code into a private file',
      ];
    }
    return undefined;
  })();
  if (wrong) throw new ProgramError('usage', ...wrong);
}
