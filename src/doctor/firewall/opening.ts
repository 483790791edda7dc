import type { Manager, Stopped } from './firewalls.js';
import type { Flow } from './packet.js';

export interface Ports {
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** The commands that let one flow through, in the words of whoever keeps the rules; as root types them. */
export function opening(
  stopped: Stopped,
  manager: Manager | null,
  ports: Ports,
): readonly string[] {
  // What ufw and firewalld manage is what comes in; rules on the way out are somebody else's.
  const isIn = stopped.flow.endsWith('-in');
  if (isIn && manager?.name === 'ufw') return [ufw(stopped, ports)];
  if (isIn && manager?.name === 'firewalld') return firewalld(stopped, manager.zones, ports);
  return [stopped.kind === 'nft' ? nft(stopped, ports) : iptables(stopped, ports)];
}

type Side = 'dport' | 'sport';

/** What tells the packets of a flow from others: their protocol, and the port on one side. */
function markOf(flow: Flow, { udpPort, tcpPort }: Ports): readonly ['udp' | 'tcp', Side, number] {
  switch (flow) {
    case 'probe-out':
    case 'probe-in':
      return ['udp', 'dport', udpPort];
    case 'reply-in':
    case 'reply-out':
      return ['udp', 'sport', udpPort];
    case 'tcp-in':
    case 'tcp-out':
      return ['tcp', 'dport', tcpPort];
  }
}

/** Replies are let in from our own network only: their port of origin can be anybody's. */
function isReply({ flow }: Stopped): boolean {
  return flow === 'reply-in';
}

function nft(stopped: Stopped, ports: Ports): string {
  const [protocol, side, port] = markOf(stopped.flow, ports);
  const { family, table, name } = stopped.chain;
  const from = isReply(stopped) ? `ip saddr ${networkOf(stopped)} ` : '';
  return `nft insert rule ${family} ${table} ${name} ${from}${protocol} ${side} ${port} accept`;
}

function iptables(stopped: Stopped, ports: Ports): string {
  const [protocol, side, port] = markOf(stopped.flow, ports);
  const { table, name } = stopped.chain;
  const which = table === 'filter' ? '' : `-t ${table} `;
  const from = isReply(stopped) ? `-s ${networkOf(stopped)} ` : '';
  return `iptables ${which}-I ${name} ${from}-p ${protocol} --${side} ${port} -j ACCEPT`;
}

function ufw(stopped: Stopped, ports: Ports): string {
  const [protocol, , port] = markOf(stopped.flow, ports);
  return isReply(stopped)
    ? `ufw allow proto ${protocol} from ${networkOf(stopped)} port ${port}`
    : `ufw allow ${port}/${protocol}`;
}

function firewalld(
  stopped: Stopped,
  zones: ReadonlyMap<string, string>,
  ports: Ports,
): readonly string[] {
  const [protocol, , port] = markOf(stopped.flow, ports);
  const zone = zones.get(stopped.interface);
  const where = zone === undefined ? '' : `--zone=${zone} `;
  const what = isReply(stopped)
    ? `--add-rich-rule='rule family=ipv4 source address=${networkOf(stopped)} source-port port=${port} protocol=${protocol} accept'`
    : `--add-port=${port}/${protocol}`;
  return [`firewall-cmd ${where}${what}`, `firewall-cmd --permanent ${where}${what}`];
}

/** The network with its first address, as firewalls write it. */
function networkOf({ network }: Stopped): string {
  const [address = '', prefix = '32'] = network.split('/');
  const size = 2 ** (32 - Number(prefix));
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = Math.floor(number / size) * size;
  return `${[24, 16, 8, 0].map((shift) => (first >>> shift) & 0xff).join('.')}/${prefix}`;
}
