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
const ufw: Manager = { name: 'ufw' };
const firewalld: Manager = { name: 'firewalld', zones: new Map([['eth0', 'home']]) };
const zoneless: Manager = { name: 'firewalld', zones: new Map() };

test.each<[Flow, Pick<Stopped, 'kind' | 'chain'>, Manager | null, readonly string[]]>([
  ['probe-out', nft, null, ['nft insert rule inet guard inward udp dport 30000 accept']],
  [
    'reply-in',
    nft,
    null,
    ['nft insert rule inet guard inward ip saddr 192.168.1.0/24 udp sport 30000 accept'],
  ],
  ['tcp-out', nft, null, ['nft insert rule inet guard inward tcp dport 30002 accept']],
  ['probe-in', nft, null, ['nft insert rule inet guard inward udp dport 30000 accept']],
  ['reply-out', nft, null, ['nft insert rule inet guard inward udp sport 30000 accept']],
  ['tcp-in', nft, null, ['nft insert rule inet guard inward tcp dport 30002 accept']],
  ['probe-in', iptables, null, ['iptables -I INPUT -p udp --dport 30000 -j ACCEPT']],
  [
    'reply-in',
    iptables,
    null,
    ['iptables -I INPUT -s 192.168.1.0/24 -p udp --sport 30000 -j ACCEPT'],
  ],
  ['tcp-in', raw, null, ['iptables -t raw -I PREROUTING -p tcp --dport 30002 -j ACCEPT']],
  ['probe-in', iptables, ufw, ['ufw allow 30000/udp']],
  ['tcp-in', iptables, ufw, ['ufw allow 30002/tcp']],
  ['reply-in', iptables, ufw, ['ufw allow proto udp from 192.168.1.0/24 port 30000']],
  ['probe-out', nft, ufw, ['nft insert rule inet guard inward udp dport 30000 accept']],
  [
    'tcp-in',
    nft,
    firewalld,
    [
      'firewall-cmd --zone=home --add-port=30002/tcp',
      'firewall-cmd --permanent --zone=home --add-port=30002/tcp',
    ],
  ],
  [
    'probe-in',
    nft,
    zoneless,
    ['firewall-cmd --add-port=30000/udp', 'firewall-cmd --permanent --add-port=30000/udp'],
  ],
  [
    'reply-in',
    nft,
    firewalld,
    ['', '--permanent '].map(
      (kept) =>
        `firewall-cmd ${kept}--zone=home --add-rich-rule='rule family=ipv4 source address=192.168.1.0/24 source-port port=30000 protocol=udp accept'`,
    ),
  ],
])('%s in %j, kept by %j', (flow, place, manager, commands) => {
  expect(opening({ ...common, ...place, flow }, manager, ports)).toEqual(commands);
});
