import { discoveryGroup } from '#discovery/links.js';

/** What lanpost sends and gets, each of which a firewall may stop. */
export type Flow = 'probe-out' | 'reply-in' | 'probe-in' | 'reply-out' | 'tcp-in' | 'tcp-out';

/** A packet as far as rules look at it; where it could be one of several, all of them. */
export interface Packet {
  readonly flow: Flow;
  readonly family: Family;
  readonly direction: 'in' | 'out';
  readonly interface: string;
  readonly protocol: 'udp' | 'tcp';
  readonly sourcePorts: PortRange;
  readonly ports: PortRange;
  /** Networks: `192.168.1.0/24`, `fe80::/64`. */
  readonly source: string;
  readonly destination: string;
  readonly cast: 'unicast' | 'broadcast' | 'multicast';
}

/** As nft calls them. */
export type Family = 'ip' | 'ip6';

/** First and last. */
export type PortRange = readonly [number, number];

export interface PacketOptions {
  readonly interface: string;
  /** The network of that interface, IPv4 or IPv6, and our address in it as a network of one: `192.168.1.20/32`. */
  readonly network: string;
  readonly own: string;
  readonly udpPort: number;
  readonly tcpPort: number;
  /** Ports that the system gives to who asks for none. */
  readonly freePorts: PortRange;
}

const limitedBroadcast = '255.255.255.255/32';

/**
 * The first packet of everything that passes between a client and a server on one interface. All of them are new to
 * a firewall that remembers connections, the answer to a broadcast or multicast too: it comes from an address that was
 * not asked.
 */
export function packetsOf(options: PacketOptions): readonly Packet[] {
  const { network, own, udpPort, tcpPort, freePorts } = options;
  const family = familyOf(network);
  const udp: PortRange = [udpPort, udpPort];
  const tcp: PortRange = [tcpPort, tcpPort];
  const outward = { family, direction: 'out', interface: options.interface, source: own } as const;
  const inward = {
    family,
    direction: 'in',
    interface: options.interface,
    source: network,
  } as const;
  const probe = {
    protocol: 'udp',
    sourcePorts: freePorts,
    ports: udp,
    destination: family === 'ip' ? limitedBroadcast : `${discoveryGroup}/128`,
    cast: family === 'ip' ? 'broadcast' : 'multicast',
  } as const;
  const reply = { protocol: 'udp', sourcePorts: udp, ports: freePorts, cast: 'unicast' } as const;
  const call = { protocol: 'tcp', sourcePorts: freePorts, ports: tcp, cast: 'unicast' } as const;
  return [
    { flow: 'probe-out', ...outward, ...probe },
    { flow: 'reply-in', ...inward, ...reply, destination: own },
    { flow: 'tcp-out', ...outward, ...call, destination: network },
    { flow: 'probe-in', ...inward, ...probe },
    { flow: 'reply-out', ...outward, ...reply, destination: network },
    { flow: 'tcp-in', ...inward, ...call, destination: own },
  ];
}

/** Of a network. */
export function familyOf(network: string): Family {
  return network.includes(':') ? 'ip6' : 'ip';
}
