import type { System } from '#src/process/system.js';

/** Where traffic for everywhere else leaves. */
export interface DefaultRoute {
  readonly interface: string;
  /** Null: straight into a tunnel. */
  readonly gateway: string | null;
}

/** The default routes for IPv4, best first; null when the system does not tell. */
export async function readDefaultRoutes(system: System): Promise<readonly DefaultRoute[] | null> {
  const text = await system.readText('/proc/net/route');
  if (text === null) return null;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .toSorted((a, b) => Number(a[6]) - Number(b[6]))
    .map(([name = '', , gateway = '']) => ({
      interface: name,
      gateway: gateway === '00000000' ? null : addressOf(gateway),
    }));
}

/** Machines that are really there: those whose hardware address the system has learned, by interface. */
export async function readNeighbours(
  system: System,
): Promise<ReadonlyMap<string, readonly string[]> | null> {
  const text = await system.readText('/proc/net/arp');
  if (text === null) return null;
  const found = new Map<string, string[]>();
  for (const line of text.split('\n').slice(1)) {
    const [address = '', , flags, , , name] = line.trim().split(/\s+/);
    if (name === undefined || (Number(flags) & entryComplete) === 0) continue;
    found.set(name, [...(found.get(name) ?? []), address]);
  }
  return found;
}

/** ATF_COM (linux/if_arp.h). */
const entryComplete = 2;

/** `0101A8C0` is 192.168.1.1: the bytes stand in the order of the processor, which is little-endian wherever Node runs. */
function addressOf(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  return bytes
    .toReversed()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}
