import { exitCodes, type ExitCode } from './exit-codes.js';
import { explain } from './failure.js';
import type { View } from './view/view.js';

/** Whoever can show a failure, and write a fault of lanpost itself to the log. */
export interface Teller {
  readonly view: View;
  readonly noteFault: (error: unknown) => Promise<void>;
  readonly atPrompt: boolean;
}

/** Shows what failed; `path` names the file it is about. Gives the exit code. */
export async function tell(
  { view, noteFault, atPrompt }: Teller,
  path: string | null,
  error: unknown,
): Promise<ExitCode> {
  const failure = explain(error, view.sizeText, atPrompt);
  if (failure.exit === exitCodes.fault) await noteFault(error);
  view.show({ event: 'failed', path, ...failure });
  return failure.exit;
}
