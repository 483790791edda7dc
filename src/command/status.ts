import type { ServerStatus } from '#sharing/client.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { withOwnServer } from '#src/servers/own-server.js';
import type { Running } from '#src/servers/running.js';
import type { Run } from './command.js';

export const run: Run = async (context, call) => {
  const [status, running] = await withOwnServer(
    context,
    call,
    async (session, running) => [await session.status(), running] as const,
  );
  await show(context, status, running);
  return exitCodes.done;
};

/** The server as a whole, then each client, then what moves. */
async function show(
  { view, device }: Context,
  status: ServerStatus,
  { name, port, pid, folder }: Running,
): Promise<void> {
  const { id } = await device();
  const { rows, uptime, free, ...figures } = status;
  const seconds = Math.round(uptime / 1000);
  view.show({
    event: 'status',
    name,
    id,
    port,
    pid,
    folder,
    uptime: seconds,
    free: free ?? null,
    ...figures,
  });
  for (const { since, ...client } of rows.clients) {
    view.show({ event: 'client', ...client, since: new Date(since).toISOString() });
  }
  for (const { id: peer, name: client, files, ...transfer } of rows.transfers) {
    view.show({ event: 'transfer', client, id: peer, ...transfer, files: files ?? null });
  }
}
