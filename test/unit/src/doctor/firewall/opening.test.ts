import { expect, test } from 'vitest';
import type { Manager, Stopped } from '#src/doctor/firewall/firewalls.js';
import { opening } from '#src/doctor/firewall/opening.js';
import type { Flow } from '#src/doctor/firewall/packet.js';

const ports = { udpPort: 30_000, tcpPort: 30_002 };
const common = {
  interface: 'eth0',
  network: '192.168.1.20/24',
  verdict: 'drop',
  rule: 'policy drop',
  freePorts: [32_768, 60_999],
} as const;
const nft = { kind: 'nft', chain: { family: 'inet', table: 'guard', name: 'inward' } } as const;
const iptables = {
  kind: 'iptables',
  chain: { family: 'ip', table: 'filter', name: 'INPUT' },
} as const;
const raw = {
  kind: 'iptables',
  chain: { family: 'ip', table: 'raw', name: 'PREROUTING' },
} as const;
const nft6 = { ...nft, network: 'fe80::/64' };
const iptables6 = {
  kind: 'iptables',
  chain: { family: 'ip6', table: 'filter', name: 'INPUT' },
  network: 'fe80::/64',
} as const;
const strange = {
  kind: 'iptables',
  chain: { family: 'ip', table: 'filter', name: "it's; reboot" },
} as const;
const ufw: Manager = { name: 'ufw' };
const firewalld: Manager = { name: 'firewalld', zones: new Map([['eth0', 'home']]) };
const zoneless: Manager = { name: 'firewalld', zones: new Map() };
const oddZone: Manager = { name: 'firewalld', zones: new Map([['eth0', '$(reboot)']]) };
const guard = 'nft insert rule inet guard inward';
const inRule = (rest: string, family = 4, source = '192.168.1.0/24'): string =>
  `--add-rich-rule='rule family="ipv${family}" source address="${source}" ${rest} accept'`;
const both = (words: string): readonly string[] =>
  ['', '--permanent '].map((kept) => `firewall-cmd ${kept}${words}`);

type Place = Pick<Stopped, 'kind' | 'chain'> & Partial<Pick<Stopped, 'network'>>;

test.each<[Flow, Place, Manager | null, readonly string[]]>([
  ['probe-out', nft, null, [`${guard} meta nfproto ipv4 udp dport 30000 accept`]],
  [
    'reply-in',
    nft,
    null,
    [`${guard} ip saddr 192.168.1.0/24 udp sport 30000 udp dport 32768-60999 accept`],
  ],
  ['tcp-out', nft, null, [`${guard} ip daddr 192.168.1.0/24 tcp dport 30002 accept`]],
  ['probe-in', nft, null, [`${guard} ip saddr 192.168.1.0/24 udp dport 30000 accept`]],
  ['reply-out', nft, null, [`${guard} ip daddr 192.168.1.0/24 udp sport 30000 accept`]],
  ['tcp-in', nft, null, [`${guard} ip saddr 192.168.1.0/24 tcp dport 30002 accept`]],
  ['probe-out', nft6, null, [`${guard} meta nfproto ipv6 udp dport 30000 accept`]],
  ['tcp-in', nft6, null, [`${guard} ip6 saddr fe80::/64 tcp dport 30002 accept`]],
  [
    'probe-in',
    iptables,
    null,
    ['iptables -I INPUT -s 192.168.1.0/24 -p udp --dport 30000 -j ACCEPT'],
  ],
  ['probe-in', iptables6, null, ['ip6tables -I INPUT -s fe80::/64 -p udp --dport 30000 -j ACCEPT']],
  [
    'reply-in',
    iptables,
    null,
    ['iptables -I INPUT -s 192.168.1.0/24 -p udp --sport 30000 --dport 32768:60999 -j ACCEPT'],
  ],
  [
    'tcp-in',
    raw,
    null,
    ['iptables -t raw -I PREROUTING -s 192.168.1.0/24 -p tcp --dport 30002 -j ACCEPT'],
  ],
  [
    'tcp-in',
    strange,
    null,
    [`iptables -I 'it'\\''s; reboot' -s 192.168.1.0/24 -p tcp --dport 30002 -j ACCEPT`],
  ],
  ['probe-in', iptables, ufw, ['ufw allow proto udp from 192.168.1.0/24 to any port 30000']],
  ['tcp-in', iptables6, ufw, ['ufw allow proto tcp from fe80::/64 to any port 30002']],
  [
    'reply-in',
    iptables,
    ufw,
    ['ufw allow proto udp from 192.168.1.0/24 port 30000 to any port 32768:60999'],
  ],
  ['probe-out', nft, ufw, [`${guard} meta nfproto ipv4 udp dport 30000 accept`]],
  ['tcp-in', nft, firewalld, both(`--zone=home ${inRule('port port="30002" protocol="tcp"')}`)],
  ['probe-in', nft, zoneless, both(inRule('port port="30000" protocol="udp"'))],
  [
    'probe-in',
    nft,
    oddZone,
    both(`--zone='$(reboot)' ${inRule('port port="30000" protocol="udp"')}`),
  ],
  [
    'reply-in',
    nft6,
    firewalld,
    both(`--zone=home ${inRule('source-port port="30000" protocol="udp"', 6, 'fe80::/64')}`),
  ],
])('%s in %j, kept by %j', (flow, place, manager, commands) => {
  expect(opening({ ...common, ...place, flow }, manager, ports)).toEqual(commands);
});
