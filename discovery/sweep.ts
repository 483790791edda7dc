import { isPrivateAddress, type InterfaceTable } from './addresses.js';
import { isVirtual } from './virtual.js';
import { firstBits, ipv4Text, lastBits, prefixOf } from './ipv4.js';
import { burst, burstEveryMs } from './pace.js';
import type { Destination } from './probing.js';
import { wait } from './wait.js';

export interface SweepOptions {
  /** From `sweepHosts`. */
  readonly hosts: readonly string[];
  /** UDP, where servers listen. */
  readonly port: number;
  readonly ask: (destinations: readonly Destination[]) => Promise<void>;
  /** Ends it before the next group. */
  readonly signal: AbortSignal;
}

const maxNetworks = 4;
/** A larger network is not swept: its hosts would be too many to ask. */
const shortestPrefix = 24;
/** With one address there is nobody else. */
const longestPrefix = 31;

/**
 * Pure: every other host of this machine's own private networks of a /24 or smaller, the first `most` of them, each once.
 * Source: PROTOCOL.md, Sweep.
 */
export function sweepHosts(table: InterfaceTable, most = maxNetworks): readonly string[] {
  // What is inside this machine comes last, and only if there is room for it.
  const entries = Object.entries(table)
    .toSorted(([a], [b]) => Number(isVirtual(a)) - Number(isVirtual(b)))
    .flatMap(([, infos]) => infos ?? []);
  const own = new Set(entries.map(({ address }) => address));
  const networks = new Map<string, readonly string[]>();
  for (const { family, internal, address, cidr } of entries) {
    const prefix = prefixOf(cidr);
    if (family !== 'IPv4' || internal || prefix === null || !isPrivateAddress(address)) continue;
    if (prefix < shortestPrefix || prefix > longestPrefix || networks.size === most) continue;
    networks.set(`${ipv4Text(firstBits(address, prefix))}/${prefix}`, hostsOf(address, prefix));
  }
  const hosts = new Set([...networks.values()].flat());
  return [...hosts].filter((host) => !own.has(host));
}

/** Without the addresses of the network itself and of its broadcast, which a /31 has none of. */
function hostsOf(address: string, prefix: number): readonly string[] {
  const edge = prefix === longestPrefix ? 0 : 1;
  const first = firstBits(address, prefix) + edge;
  const count = lastBits(address, prefix) - edge - first + 1;
  return Array.from({ length: count }, (_, index) => ipv4Text(first + index));
}

/** Asks each host directly, not faster than the network bears. Resolves when all have been asked, or it was ended. */
export async function sweep({ hosts, port, ask, signal }: SweepOptions): Promise<void> {
  for (let at = 0; at < hosts.length && !signal.aborted; at += burst) {
    const group = hosts.slice(at, at + burst);
    void ask(group.map((address) => ({ address, port })));
    await wait(burstEveryMs, signal);
  }
}
