import { liveNeighbourhood } from '#discovery/addresses.js';
import { keyOf } from '#discovery/claims.js';
import type { Finding, FoundServer } from '#discovery/scanner.js';
import { readSeen } from '#sharing/device.js';
import type { Context } from '#src/context.js';

/** The rows of a scan as they stand. */
export interface FoundServers {
  take(finding: Finding): void;
  /** In the order in which they were found. */
  all(): readonly FoundServer[];
}

export function foundServers(): FoundServers {
  const rows = new Map<string, FoundServer>();
  return {
    take(finding) {
      // What was replaced has another port or run by now: it must not be dialled.
      if (finding.kind === 'replaced') rows.delete(rowOf(finding.previous));
      rows.set(rowOf(finding.server), finding.server);
    },
    all: () => [...rows.values()],
  };
}

function rowOf(server: FoundServer): string {
  return keyOf(server, server.addresses[0] ?? '');
}

/** Servers that were reached before are asked directly, which crosses routers. */
export async function reachedBefore({
  stateFolder,
  interfaces,
}: Context): Promise<readonly string[]> {
  const { isNearby } = liveNeighbourhood({ interfaces });
  const seen = await readSeen(stateFolder);
  const hosts = [...seen.map(({ host }) => host), ...seen.flatMap(({ others }) => others)];
  return hosts.filter(isNearby);
}
