import { isIPv4 } from 'node:net';
import type { InterfaceTable } from './addresses.js';
import { firstBits, ipv4Text, lastBits, prefixOf } from './ipv4.js';
import { discoveryGroup, linksOf } from './links.js';

/** A local address to send from, and where its probes go. */
export interface Target {
  readonly interface: string;
  /** IPv4, or link-local IPv6 with its zone. */
  readonly address: string;
  /** Its network, in the notation of CIDR; null when the system does not say. */
  readonly network: string | null;
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
 * Pure: one target per local IPv4 address, loopback first, then one per link with IPv6. Both kinds of
 * broadcast are needed: the directed one is lost between two networks of equal numbers, the limited
 * one leaves through a single adapter on some systems. Source: PROTOCOL.md, Scanner.
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
      const network = cidr;
      targets.set(address, { interface: name, address, network, loopback: internal, destinations });
    }
  }
  const loopbackFirst = [...targets.values()].sort(
    (a, b) => Number(b.loopback) - Number(a.loopback),
  );
  return [...loopbackFirst, ...linkTargets(table)].slice(0, maxTargets);
}

function linkTargets(table: InterfaceTable): readonly Target[] {
  return linksOf(table).map(({ interface: name, zone, address }) => ({
    interface: name,
    address: `${address}%${zone}`,
    network: null,
    loopback: false,
    destinations: [`${discoveryGroup}%${zone}`],
  }));
}

/**
 * Pure: the local addresses from which an address is asked directly: those of its network, of which a machine may have
 * several, or of its link; none when it is in none of them and the system has to know the way.
 */
export function waysTo(address: string, targets: readonly Target[]): readonly string[] {
  const zone = zoneOf(address);
  if (zone !== null) {
    return targets
      .filter((target) => zoneOf(target.address) === zone)
      .map((target) => target.address);
  }
  if (!isIPv4(address)) return [];
  const ways = targets.flatMap((target) => {
    const prefix = prefixOf(target.network);
    const near =
      isIPv4(target.address) &&
      prefix !== null &&
      firstBits(address, prefix) === firstBits(target.address, prefix);
    return near ? [{ address: target.address, prefix }] : [];
  });
  const nearest = Math.max(...ways.map(({ prefix }) => prefix));
  return ways.filter(({ prefix }) => prefix === nearest).map((way) => way.address);
}

function zoneOf(address: string): string | null {
  return address.split('%')[1] ?? null;
}

function directedBroadcast(cidr: string | null): string[] {
  const prefix = prefixOf(cidr);
  if (cidr === null || prefix === null || prefix > longestPrefixWithBroadcast) return [];
  const [address = ''] = cidr.split('/');
  return [ipv4Text(lastBits(address, prefix))];
}
