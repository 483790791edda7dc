import type { InterfaceTable } from './addresses.js';

/** A local IPv4 address to send from, and where its probes go. */
export interface Target {
  readonly interface: string;
  readonly address: string;
  readonly loopback: boolean;
  readonly destinations: readonly string[];
}

/** More local addresses than this are not probed from (PROTOCOL.md, Limits). */
export const maxTargets = 128;

const limitedBroadcast = '255.255.255.255';
const loopbackAddress = '127.0.0.1';
const loopbackBroadcast = '127.255.255.255';
/** A /31 or /32 has no broadcast address of its own. */
const longestPrefixWithBroadcast = 30;

/**
 * Pure: one target per local IPv4 address, loopback first. Both kinds of broadcast are needed: the
 * directed one is lost between two networks of equal numbers, the limited one leaves through a
 * single adapter on some systems. Source: PROTOCOL.md, Scanner.
 */
export function targetsOf(table: InterfaceTable): readonly Target[] {
  const targets = new Map<string, Target>();
  for (const [name, infos] of Object.entries(table)) {
    for (const { family, address, cidr, internal } of infos ?? []) {
      if (family !== 'IPv4') continue;
      if (internal && address !== loopbackAddress) continue;
      const destinations = internal
        ? [loopbackAddress, loopbackBroadcast]
        : [...directedBroadcast(cidr), limitedBroadcast];
      targets.set(address, { interface: name, address, loopback: internal, destinations });
    }
  }
  const loopbackFirst = [...targets.values()].sort(
    (a, b) => Number(b.loopback) - Number(a.loopback),
  );
  return loopbackFirst.slice(0, maxTargets);
}

function directedBroadcast(cidr: string | null): string[] {
  const [address = '', prefixText = ''] = cidr?.split('/') ?? [];
  const prefix = Number(prefixText);
  if (prefixText === '' || prefix < 1 || prefix > longestPrefixWithBroadcast) return [];
  const hostBits = 2 ** (32 - prefix) - 1;
  const bits = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const broadcast = (bits | hostBits) >>> 0;
  return [[24, 16, 8, 0].map((shift) => (broadcast >>> shift) & 0xff).join('.')];
}
