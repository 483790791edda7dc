import type { ClientSession } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { tryPort } from '#sharing/knocking.js';
import type { Call } from '#src/command/command.js';
import type { Context } from '#src/context.js';
import { ProgramError } from '#src/failure.js';
import { readRunning, type Running } from './running.js';
import { openTo } from './session.js';
import { quote } from '#src/view/quote.js';

/**
 * The running server of this user that a command means: the only one, or that of `--tcp-port`, or the one the user
 * chooses. Throws ProgramError `nobody-found` or `usage`.
 */
export async function findOwn(context: Context): Promise<Running> {
  const running = await readRunning(context.stateFolder, context.isAlive);
  const { origins, settings } = context;
  // 0 took any free port when the server began.
  const isNamed = origins.tcpPort.kind !== 'default' && settings.tcpPort !== 0;
  const listening = await listeningOf(running);
  const meant = isNamed ? listening.filter(({ port }) => port === settings.tcpPort) : listening;
  const [only, second] = meant;
  if (!only) throw noneMeant(settings.tcpPort, listening);
  if (!second) return only;
  const lines = meant.map(({ port, folder }) => `  ${port}  ${quote(folder)}`);
  context.view.note(['several servers of yours are running:', ...lines].join('\n'));
  const answer = await context.ask?.('which port? ');
  const chosen = meant.find(({ port }) => String(port) === answer?.trim());
  if (chosen) return chosen;
  throw new ProgramError('usage', 'which of your servers?', 'choose one with --tcp-port');
}

function noneMeant(meant: number, listening: readonly Running[]): ProgramError {
  if (listening.length === 0) {
    return new ProgramError(
      'nobody-found',
      'no server of yours is running',
      'lanpost serve starts one',
    );
  }
  const ports = listening.map(({ port }) => port).join(', ');
  return new ProgramError(
    'nobody-found',
    `no server of yours listens on port ${meant}`,
    listening.length === 1 ? `one does on ${ports}` : `some do on ${ports}`,
  );
}

/** Without those that crashed, and whose process number another program has by now: their port is free. */
async function listeningOf(running: readonly Running[]): Promise<readonly Running[]> {
  const inTheWay = await Promise.all(running.map(({ port }) => tryPort(port)));
  return running.filter((_, at) => inTheWay[at] !== null);
}

/**
 * Runs `work` in a session with the running server that a command means; the key has to be our own, whatever listens
 * on that port. Ctrl-C ends it.
 */
export async function withOwnServer<T>(
  context: Context,
  call: Call,
  work: (session: ClientSession, running: Running) => Promise<T>,
): Promise<T> {
  const running = await findOwn(context);
  const { id } = await context.device();
  const { port } = running;
  const session = await openTo(context, { hosts: ['127.0.0.1'], port, expectedId: id }, call);
  const leave = (): void => void session.bye();
  context.signal.addEventListener('abort', leave, { once: true });
  try {
    return await work(session, running);
  } catch (error) {
    throw context.signal.aborted ? new SharingError('cancelled', 'interrupted') : error;
  } finally {
    context.signal.removeEventListener('abort', leave);
    await session.bye();
  }
}
