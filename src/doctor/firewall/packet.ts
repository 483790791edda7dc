/** What lanpost sends and gets, each of which a firewall may stop. */
export type Flow = 'probe-out' | 'reply-in' | 'probe-in' | 'reply-out' | 'tcp-in' | 'tcp-out';

/** A packet as far as rules look at it; where it could be one of several, all of them. */
export interface Packet {
  readonly flow: Flow;
  readonly direction: 'in' | 'out';
  readonly interface: string;
  readonly protocol: 'udp' | 'tcp';
  readonly sourcePorts: PortRange;
  readonly ports: PortRange;
  /** Networks: `192.168.1.0/24`. */
  readonly source: string;
  readonly destination: string;
  readonly broadcast: boolean;
}

/** First and last. */
export type PortRange = readonly [number, number];

export interface PacketOptions {
  readonly interface: string;
  /** The network of that interface, and our address in it as a network of one: `192.168.1.20/32`. */
  readonly network: string;
  readonly own: string;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Ports that systems give to who asks for none (the default of Linux). */
const anyPort: PortRange = [32_768, 60_999];
const limitedBroadcast = '255.255.255.255/32';

/**
 * The first packet of everything that passes between a client and a server on one interface. All of them are new to
 * a firewall that remembers connections, the answer to a broadcast too: it comes from an address that was not asked.
 */
export function packetsOf(options: PacketOptions): readonly Packet[] {
  const { network, own, udpPort, tcpPort } = options;
  const udp: PortRange = [udpPort, udpPort];
  const tcp: PortRange = [tcpPort, tcpPort];
  const outward = { direction: 'out', interface: options.interface, source: own } as const;
  const inward = { direction: 'in', interface: options.interface, source: network } as const;
  const probe = {
    protocol: 'udp',
    sourcePorts: anyPort,
    ports: udp,
    destination: limitedBroadcast,
    broadcast: true,
  } as const;
  const reply = { protocol: 'udp', sourcePorts: udp, ports: anyPort, broadcast: false } as const;
  const call = { protocol: 'tcp', sourcePorts: anyPort, ports: tcp, broadcast: false } as const;
  return [
    { flow: 'probe-out', ...outward, ...probe },
    { flow: 'reply-in', ...inward, ...reply, destination: own },
    { flow: 'tcp-out', ...outward, ...call, destination: network },
    { flow: 'probe-in', ...inward, ...probe },
    { flow: 'reply-out', ...outward, ...reply, destination: network },
    { flow: 'tcp-in', ...inward, ...call, destination: own },
  ];
}
