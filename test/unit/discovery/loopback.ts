import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { InterfaceTable } from '#discovery/addresses.js';
import type { DiscoveryEvent, Observe } from '#discovery/events.js';
import { scan, type Finding, type ScanOptions } from '#discovery/scanner.js';
import type { Announcement } from '#discovery/wire/announcement.js';

/** A machine on which only loopback is up, so that no test sends anything to a real network. */
export function loopbackOnly(): InterfaceTable {
  return { lo: [entry('127.0.0.1', 8, true)] };
}

export function entry(
  address: string,
  prefix: number,
  internal = false,
): NonNullable<InterfaceTable[string]>[number] {
  const common = { address, netmask: '', mac: '00:00:00:00:00:00', internal };
  const cidr = `${address}/${prefix}`;
  return address.includes(':')
    ? { ...common, family: 'IPv6', cidr, scopeid: 0 }
    : { ...common, family: 'IPv4', cidr };
}

export function announcement(changes: Partial<Announcement> = {}): Announcement {
  return { id: idOf('A'), run: 'run00000', name: 'Amber', port: 30001, code: true, ...changes };
}

export function idOf(symbol: string): string {
  return symbol.repeat(52);
}

type Kind = DiscoveryEvent['kind'];
type EventOf<K extends Kind> = Extract<DiscoveryEvent, { kind: K }>;

/** Keeps every event for assertions. */
export function recorder(): {
  events: DiscoveryEvent[];
  observe: Observe;
  of: <K extends Kind>(kind: K) => EventOf<K>[];
} {
  const events: DiscoveryEvent[] = [];
  return {
    events,
    observe: (event) => void events.push(event),
    of: <K extends Kind>(kind: K) =>
      events.filter((event): event is EventOf<K> => event.kind === kind),
  };
}

/** A plain socket on loopback, as a foreign program would open it. */
export async function foreignSocket(port = 0, address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** A server of whatever habits: each probe is answered with these datagrams. */
export async function hostileServer(replies: () => Iterable<Uint8Array>): Promise<Socket> {
  const socket = await foreignSocket(0, '127.0.0.1');
  socket.on('message', (_probe, { port, address }) => {
    for (const reply of replies()) socket.send(reply, port, address);
  });
  return socket;
}

export async function scanAll(
  port: number,
  observe: Observe,
  changes: Partial<ScanOptions> = {},
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const interfaces = loopbackOnly;
  const options = { port, timeoutMs: 300, known: [], interfaces, observe, ...changes };
  for await (const finding of scan(options)) findings.push(finding);
  return findings;
}
