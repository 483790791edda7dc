import type { AddressReport, Answered } from '#discovery/examine.js';
import type { Facts, ServerFacts } from '#src/doctor/facts.js';
import type { Stopped } from '#src/doctor/firewall/firewalls.js';
import type { Flow } from '#src/doctor/firewall/packet.js';
import type { Link } from '#src/doctor/links.js';
import type { PortFacts } from '#src/doctor/ports.js';

export const amber: Answered = {
  address: '192.168.1.9',
  name: 'amber',
  id: 'A'.repeat(52),
  port: 30_001,
};

export function report(changes: Partial<AddressReport> = {}): AddressReport {
  return {
    interface: 'eth0',
    address: '192.168.1.20',
    loopback: false,
    bindError: null,
    probes: [{ destination: '255.255.255.255', code: null }],
    ownHeard: true,
    ownHeardAtPort: true,
    answers: [],
    ...changes,
  };
}

export const loopback = report({
  interface: 'lo',
  address: '127.0.0.1',
  loopback: true,
  ownHeard: null,
  ownHeardAtPort: null,
});

export function link(changes: Partial<Link> = {}): Link {
  return {
    name: 'eth0',
    kind: 'wired',
    up: true,
    carrier: true,
    addresses: ['192.168.1.20/24'],
    ...changes,
  };
}

/** A machine on which all is well, and nobody else is found yet. */
export function facts(changes: Partial<Facts> = {}): Facts {
  return {
    environment: { platform: 'linux', isRoot: true, sudoUser: null, wsl: false, container: false },
    udpPort: 30_000,
    tcpPort: 30_001,
    links: [link()],
    examination: { addresses: [loopback, report()], offLink: [] },
    ownServers: [],
    ports: [port('udp', 'free'), port('tcp', 'free')],
    firewalls: { manager: null, unread: [], stopped: [] },
    routes: [{ interface: 'eth0', gateway: '192.168.1.1' }],
    neighbours: {
      asked: 253,
      complete: true,
      answers: [],
      machines: [{ address: '192.168.1.7', tcp: { code: 'ECONNREFUSED' } }],
      more: 0,
    },
    server: null,
    ...changes,
  };
}

/** The same, with what came from the one interface. */
export function heard(changes: Partial<AddressReport>, more: Partial<Facts> = {}): Facts {
  return facts({ examination: { addresses: [loopback, report(changes)], offLink: [] }, ...more });
}

export function port(
  protocol: 'udp' | 'tcp',
  state: PortFacts['state'],
  ...pids: number[]
): PortFacts {
  const holders = pids.map((pid) => ({ pid, program: 'socat' }));
  return {
    protocol,
    port: protocol === 'udp' ? 30_000 : 30_001,
    state,
    holders,
    hidden: false,
    openOverIPv6: false,
  };
}

export function stopping(verdict: Stopped['verdict'], ...flows: Flow[]): Facts['firewalls'] {
  const where = {
    interface: 'eth0',
    network: '192.168.1.20/24',
    kind: 'nft',
    rule: 'policy drop',
    freePorts: [32_768, 60_999],
  } as const;
  const chain = { family: 'inet', table: 'guard', name: 'inward' };
  const stopped = flows.map((flow) => ({ flow, verdict, ...where, chain }));
  return { manager: null, unread: [], stopped };
}

export const running = { pid: 7, name: 'here', port: 30_001, udpPort: 30_000, folder: '/srv' };

export function server(changes: Partial<ServerFacts> = {}): ServerFacts {
  return {
    typed: 'amber',
    address: amber.address,
    port: 30_001,
    sendError: null,
    answer: amber,
    there: true,
    tcp: 'lanpost',
    ...changes,
  };
}
