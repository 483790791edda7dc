import { openSession, type ClientLimits, type ClientSession } from '#sharing/client.js';
import { noteSeen } from '#sharing/device.js';
import type { Call } from './command/command.js';
import type { Context } from './context.js';
import type { ExitCode } from './exit-codes.js';
import { ProgramError } from './failure.js';
import { findServer, parseServer, type Destination } from './server-name.js';

/** Milliseconds that a server has to answer hello. */
const helloTime = 10_000;

/** Opens a session and remembers where the server was. */
export async function openTo(context: Context, destination: Destination): Promise<ClientSession> {
  const { settings, signal } = context;
  context.view.status.draw('connecting');
  const limits: ClientLimits = { ...settings, helloTime };
  const session = await openSession({
    device: await context.device(),
    name: settings.name,
    host: destination.host,
    port: destination.port,
    ...(destination.expectedId !== undefined && { expectedId: destination.expectedId }),
    limits,
    signal,
    now: Date.now,
  });
  context.view.status.clear();
  const { id, name, port } = session.server;
  await noteSeen(context.stateFolder, { id, name, host: destination.host, port });
  return session;
}

/**
 * Runs `work` with the session that a call means: the open one at the prompt, a new one in one shot.
 * Throws ProgramError `not-connected` at a prompt without a session.
 */
export async function withSession(
  context: Context,
  call: Call,
  work: (session: ClientSession) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (context.atPrompt) {
    const { session } = context.memory;
    if (!session) {
      throw new ProgramError(
        'not-connected',
        'no session is open',
        'connect <server>; scan shows them',
      );
    }
    return work(session);
  }
  const session = await openTo(context, await findServer(context, parseServer(call.server ?? '')));
  sayUnverified(context, session);
  try {
    return await work(session);
  } finally {
    await session.bye();
  }
}

/** An open server's key is known to nobody: the user hears that each time. */
export function sayUnverified(context: Context, { server }: ClientSession): void {
  if (server.trust !== 'unverified') return;
  context.view.show({ event: 'unverified', name: server.name, id: server.id });
}
