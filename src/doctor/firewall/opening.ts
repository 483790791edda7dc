import { firstBits, ipv4Text } from '#discovery/ipv4.js';
import { shellWord } from '#src/view/shell-word.js';
import type { Manager, Stopped } from './firewalls.js';
import { familyOf, type Family } from './packet.js';

export interface Ports {
  readonly udpPort: number;
  readonly tcpPort: number;
}

/**
 * The commands that let one flow through and no more: between this machine and the network of that interface, at these
 * ports. In the words of whoever keeps the rules; as root types them.
 */
export function opening(
  stopped: Stopped,
  manager: Manager | null,
  ports: Ports,
): readonly string[] {
  const gap = gapOf(stopped, ports);
  // What ufw and firewalld manage is what comes in; rules on the way out are somebody else's.
  const isIn = stopped.flow.endsWith('-in');
  if (isIn && manager?.name === 'ufw') return [ufw(gap)];
  if (isIn && manager?.name === 'firewalld') {
    return firewalld(gap, manager.zones.get(stopped.interface));
  }
  return [stopped.kind === 'nft' ? nft(stopped, gap) : iptables(stopped, gap)];
}

/** What tells the packets of a flow from others. */
interface Gap {
  readonly family: Family;
  readonly protocol: 'udp' | 'tcp';
  /** The network at the other end; null where a packet goes to all who hear it. */
  readonly from: string | null;
  readonly to: string | null;
  readonly sport: string | null;
  readonly dport: string | null;
}

function gapOf(stopped: Stopped, { udpPort, tcpPort }: Ports): Gap {
  const { flow, freePorts } = stopped;
  const family = familyOf(stopped.network);
  const network = networkOf(stopped.network);
  const protocol = flow.startsWith('tcp') ? 'tcp' : 'udp';
  const [from, to] = flow.endsWith('-in') ? [network, null] : [null, network];
  const port = String(protocol === 'tcp' ? tcpPort : udpPort);
  const common = { family, protocol, from, to, sport: null, dport: port } as const;
  switch (flow) {
    case 'probe-out':
      return { ...common, to: null };
    // A port of origin can be anybody's, so what it may reach are the ports that nobody serves at.
    case 'reply-in':
      return { ...common, sport: port, dport: freePorts.join('-') };
    case 'reply-out':
      return { ...common, sport: port, dport: null };
    case 'probe-in':
    case 'tcp-in':
    case 'tcp-out':
      return common;
  }
}

function nft({ chain }: Stopped, { family, protocol, from, to, sport, dport }: Gap): string {
  const place = [chain.family, chain.table, chain.name].map(shellWord).join(' ');
  const tests = [
    // Without an address nothing says which family is meant.
    ...(from === null && to === null && chain.family === 'inet'
      ? [`meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`]
      : []),
    ...(from === null ? [] : [`${family} saddr ${from}`]),
    ...(to === null ? [] : [`${family} daddr ${to}`]),
    ...(sport === null ? [] : [`${protocol} sport ${sport}`]),
    ...(dport === null ? [] : [`${protocol} dport ${dport}`]),
  ];
  return `nft insert rule ${place} ${tests.join(' ')} accept`;
}

function iptables({ chain }: Stopped, { family, protocol, from, to, sport, dport }: Gap): string {
  const tests = [
    family === 'ip' ? 'iptables' : 'ip6tables',
    ...(chain.table === 'filter' ? [] : [`-t ${shellWord(chain.table)}`]),
    `-I ${shellWord(chain.name)}`,
    ...(from === null ? [] : [`-s ${from}`]),
    ...(to === null ? [] : [`-d ${to}`]),
    `-p ${protocol}`,
    ...(sport === null ? [] : [`--sport ${sport}`]),
    ...(dport === null ? [] : [`--dport ${dport.replace('-', ':')}`]),
  ];
  return `${tests.join(' ')} -j ACCEPT`;
}

function ufw({ protocol, from, sport, dport }: Gap): string {
  const origin = `${from ?? 'any'}${sport === null ? '' : ` port ${sport}`}`;
  return `ufw allow proto ${protocol} from ${origin} to any port ${String(dport).replace('-', ':')}`;
}

/** A rule of it has a port of origin or one of destination, not both. */
function firewalld(
  { family, protocol, from, sport, dport }: Gap,
  zone: string | undefined,
): readonly string[] {
  const port =
    sport === null
      ? `port port="${String(dport)}" protocol="${protocol}"`
      : `source-port port="${sport}" protocol="${protocol}"`;
  const rule = `rule family="ipv${family === 'ip' ? 4 : 6}" source address="${from ?? ''}" ${port} accept`;
  const where = zone === undefined ? '' : `--zone=${shellWord(zone)} `;
  return ['', '--permanent '].map(
    (kept) => `firewall-cmd ${kept}${where}--add-rich-rule='${rule}'`,
  );
}

/** The network with its first address, as firewalls write it; of IPv6 it is given so. */
function networkOf(network: string): string {
  const [address = '', prefix = '32'] = network.split('/');
  if (familyOf(network) === 'ip6') return network;
  return `${ipv4Text(firstBits(address, Number(prefix)))}/${prefix}`;
}
