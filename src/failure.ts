import { SettingsError } from '#config/settings-error.js';
import { SharingError } from '#sharing/errors.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { failureWords, type SizeText } from './failure-words.js';
import { bytesText } from './view/format.js';
import { quote } from './view/quote.js';

/** What a person reads when something failed: one sentence, and what to do. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly exit: ExitCode;
}

/** Codes of failures that arise in the program itself, not in sharing. */
export type ProgramCode =
  'usage' | 'not-connected' | 'nobody-found' | 'ambiguous-name' | 'still-running' | 'busy';

/** A failure of the program's own: its words are given where it arises. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: ProgramCode;
  readonly hint: string | undefined;

  constructor(code: ProgramCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

const programExits: Readonly<Record<ProgramCode, ExitCode>> = {
  usage: exitCodes.usage,
  'not-connected': exitCodes.usage,
  'nobody-found': exitCodes.unreachable,
  'ambiguous-name': exitCodes.usage,
  'still-running': exitCodes.interrupted,
  busy: exitCodes.usage,
};

/** The sentence, hint and exit code of whatever was thrown. Foreign words in it are quoted. */
export function explain(error: unknown, size: SizeText = bytesText, atPrompt = false): Failure {
  if (error instanceof ProgramError) {
    const { code, message, hint } = error;
    return { code, message, exit: programExits[code], ...(hint !== undefined && { hint }) };
  }
  if (error instanceof SettingsError) {
    const hint =
      'lanpost help lists the settings; each can be a flag, a variable or in config.json';
    return { code: 'settings', message: error.message, hint, exit: exitCodes.usage };
  }
  if (error instanceof SharingError) {
    const words = failureWords[error.code];
    const facts = error.facts;
    const hint = typeof words.hint === 'function' ? words.hint(facts, atPrompt) : words.hint;
    const message = words.say(facts, quote(error.message), size);
    return { code: error.code, message, exit: words.exit, ...(hint !== undefined && { hint }) };
  }
  const text = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message: `a fault in lanpost itself: ${quote(text)}`,
    hint: isPartMissing(error)
      ? 'a part of it is not there: an installation that was interrupted? npm ci, or npm install again, brings it'
      : 'nothing that was there is harmed; please report it with the log',
    exit: exitCodes.fault,
  };
}

/** Node did not find a file or package that is imported. */
function isPartMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

/** One exit code for several files: done, or that of all failures if they agree, else "files failed". */
export function combine(codes: readonly ExitCode[]): ExitCode {
  const failures = codes.filter((code) => code !== exitCodes.done);
  const [first = exitCodes.done] = failures;
  return failures.every((code) => code === first) ? first : exitCodes.files;
}

/** Without any interface, loopback included, nothing can be found and nobody reached. */
export function noInterface(): ProgramError {
  return new ProgramError('nobody-found', 'no network interface is up', 'switch the network on');
}
