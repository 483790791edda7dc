import { scan, type FoundServer } from '#discovery/scanner.js';
import { SharingError } from '#sharing/errors.js';
import type { Context } from '#src/context.js';
import { foundServers, reachedBefore } from './found-servers.js';

/**
 * One scan without any output: whole, or until somebody is found who is `wanted`. Throws SharingError `cancelled` when it is
 * interrupted.
 */
export async function scanNow(
  context: Context,
  wanted?: (server: FoundServer) => boolean,
): Promise<readonly FoundServer[]> {
  const { settings, signal, interfaces } = context;
  const found = foundServers();
  for await (const finding of scan({
    port: settings.udpPort,
    timeoutMs: settings.scanTimeout,
    mdns: settings.mdns === 'on',
    known: await reachedBefore(context),
    ...(wanted && { enough: (servers: readonly FoundServer[]) => servers.some(wanted) }),
    signal,
    interfaces,
    observe: () => undefined,
  })) {
    found.take(finding);
  }
  // Who is missing then may only not have been heard yet.
  if (signal.aborted) throw new SharingError('cancelled', 'interrupted');
  const rows = found.all();
  if (!wanted) context.memory.scanned = rows;
  return rows;
}
