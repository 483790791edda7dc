import { liveNeighbourhood } from '#discovery/addresses.js';
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
      if (finding.kind === 'replaced') rows.delete(keyOf(finding.previous));
      rows.set(keyOf(finding.server), finding.server);
    },
    all: () => [...rows.values()],
  };
}

function keyOf({ id, run, name, addresses }: FoundServer): string {
  return id === null ? `${name} ${addresses[0] ?? ''}` : `${id} ${run ?? ''} ${name}`;
}

/** Servers that were reached before are asked directly, which crosses routers. */
export async function reachedBefore({
  stateFolder,
  interfaces,
}: Context): Promise<readonly { readonly address: string }[]> {
  const { isNearby } = liveNeighbourhood({ interfaces });
  const seen = await readSeen(stateFolder);
  const hosts = [...seen.map(({ host }) => host), ...seen.flatMap(({ others }) => others)];
  return hosts.map((address) => ({ address })).filter(({ address }) => isNearby(address));
}
