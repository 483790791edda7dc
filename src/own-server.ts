import type { Context } from './context.js';
import { ProgramError } from './failure.js';
import { readRunning, type Running } from './running.js';
import { quote } from './view/quote.js';

/**
 * The running server of this user that a command means: the only one, or that of `--tcp-port`, or the one the user
 * chooses. Throws ProgramError `nobody-found` or `usage`.
 */
export async function findOwn(context: Context): Promise<Running> {
  const running = await readRunning(context.stateFolder, context.isAlive);
  const named = context.origins.tcpPort.kind === 'default' ? undefined : context.settings.tcpPort;
  const meant = named === undefined ? running : running.filter(({ port }) => port === named);
  const [only, second] = meant;
  if (!only)
    throw new ProgramError(
      'nobody-found',
      'no server of yours is running',
      'lanpost serve starts one',
    );
  if (!second) return only;
  const lines = meant.map(({ port, folder }) => `  ${port}  ${quote(folder)}`);
  context.view.note(['several servers of yours are running:', ...lines].join('\n'));
  const answer = await context.ask?.('which port? ');
  const chosen = meant.find(({ port }) => String(port) === answer?.trim());
  if (chosen) return chosen;
  throw new ProgramError('usage', 'which of your servers?', 'choose one with --tcp-port');
}
