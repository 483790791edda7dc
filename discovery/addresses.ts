import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** What `os.networkInterfaces()` returns. */
export type InterfaceTable = ReturnType<typeof networkInterfaces>;

/**
 * Judges addresses against the networks of this machine. Every function takes IPv4 or IPv6 text,
 * with or without a zone, IPv4-mapped included; anything else is simply `false`.
 */
export interface Neighbourhood {
  /** One of this machine's own addresses, or loopback. */
  readonly isOwnAddress: (address: string) => boolean;
  /** In a network that one of our interfaces is part of. */
  readonly isOnLink: (address: string) => boolean;
  /** On-link, own, or from a private range: may be answered (PROTOCOL.md, Who is answered). */
  readonly isNearby: (address: string) => boolean;
}

export interface LiveNeighbourhoodOptions {
  readonly interfaces?: () => InterfaceTable;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

const freshMs = 5000;
const refreshAtMostEveryMs = 1000;

const loopback = ['127.0.0.0/8', '::1/128'];
const privateNetworks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fe80::/10',
  'fc00::/7',
];

/** Pure: the judgement for one given interface table. */
export function neighbourhoodOf(table: InterfaceTable): Neighbourhood {
  const entries = Object.values(table).flatMap((infos) => infos ?? []);
  const own = ranges([...loopback, ...entries.map(({ address }) => hostRange(address))]);
  const onLink = ranges(entries.flatMap(({ cidr }) => (cidr === null ? [] : [cidr])));
  const nearby = ranges([...loopback, ...privateNetworks]);
  return {
    isOwnAddress: (address) => contains(own, address),
    isOnLink: (address) => contains(onLink, address),
    isNearby: (address) =>
      contains(nearby, address) || contains(onLink, address) || contains(own, address),
  };
}

/**
 * The judgement for the machine as it is now. The interface list is kept for 5 s and read again at
 * once when an address is not in it, at most once per second.
 */
export function liveNeighbourhood(options: LiveNeighbourhoodOptions = {}): Neighbourhood {
  const interfaces = options.interfaces ?? networkInterfaces;
  const now = options.now ?? (() => performance.now());
  let readAt = Number.NEGATIVE_INFINITY;
  let current = neighbourhoodOf({});

  function refreshIfOlderThan(maxAgeMs: number): boolean {
    if (now() - readAt < maxAgeMs) return false;
    readAt = now();
    current = neighbourhoodOf(readInterfaces(interfaces));
    return true;
  }

  function ask(question: keyof Neighbourhood, address: string): boolean {
    refreshIfOlderThan(freshMs);
    if (current[question](address)) return true;
    return refreshIfOlderThan(refreshAtMostEveryMs) && current[question](address);
  }

  return {
    isOwnAddress: (address) => ask('isOwnAddress', address),
    isOnLink: (address) => ask('isOnLink', address),
    isNearby: (address) => ask('isNearby', address),
  };
}

/** Whether an address is in one of these networks: `192.168.1.20/24`. */
export function isInNetworks(networks: readonly string[], address: string): boolean {
  return contains(ranges(networks), address);
}

/** In a range that no router of the internet forwards (PROTOCOL.md, Who is answered). */
export function isPrivateAddress(address: string): boolean {
  return contains(ranges(privateNetworks), address);
}

/** The interface list; empty where the system refuses to give it (some phones do). */
export function readInterfaces(interfaces: () => InterfaceTable): InterfaceTable {
  try {
    return interfaces();
  } catch {
    return {};
  }
}

function hostRange(address: string): string {
  return `${address}/${isIP(address) === 4 ? 32 : 128}`;
}

function ranges(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix = ''] = cidr.split('/');
    const family = isIP(address);
    // A prefix of 0 would make the whole world on-link.
    if (family === 0 || !(Number(prefix) > 0)) continue;
    list.addSubnet(withoutZone(address), Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  const bare = withoutZone(address);
  const family = isIP(bare);
  // BlockList itself reads IPv4-mapped IPv6 as the IPv4 address that it is.
  return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/s, '');
}

/** True for IPv4 and IPv6 text, with or without a zone; false for a host name. */
export function isAddress(text: string): boolean {
  // For what has no colon the pattern of IPv6 need not be made, which takes 4 ms.
  const [address = ''] = text.split('%');
  return address.includes(':') ? isIP(address) !== 0 : isIPv4(address);
}

/** True for IPv4 and IPv6 text that leads to this machine alone, as systems write it. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** True for IPv6 text in fe80::/10, with or without a zone. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address) && isIPv6(address);
}
