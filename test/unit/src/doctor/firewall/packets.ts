import { packetsOf, type Family, type Flow, type Packet } from '#src/doctor/firewall/packet.js';
import { judge, type Judgement } from '#src/doctor/firewall/judge.js';
import type { Ruleset } from '#src/doctor/firewall/ruleset.js';

/** 192.168.1.20 and fe80::20 on eth0. */
const networks = {
  ip: { network: '192.168.1.20/24', own: '192.168.1.20/32' },
  ip6: { network: 'fe80::/64', own: 'fe80::20/128' },
};

export function packet(flow: Flow, family: Family = 'ip'): Packet {
  const place = {
    interface: 'eth0',
    ...networks[family],
    udpPort: 30_000,
    tcpPort: 30_001,
    freePorts: [32_768, 60_999],
  } as const;
  const found = packetsOf(place).find((one) => one.flow === flow);
  if (!found) throw new Error(`no packet for ${flow}`);
  return found;
}

export const flows: readonly Flow[] = [
  'probe-out',
  'reply-in',
  'tcp-out',
  'probe-in',
  'reply-out',
  'tcp-in',
];

export type Verdicts = Partial<Record<Flow, Judgement['verdict']>>;

/** What happens to each flow that is not simply let through. */
export function stopped(ruleset: Ruleset | null, family: Family = 'ip'): Verdicts {
  if (ruleset === null) throw new Error('the rules cannot be read');
  const judged = flows.map((flow) => [flow, judge(ruleset, packet(flow, family)).verdict] as const);
  return Object.fromEntries(judged.filter(([, verdict]) => verdict !== 'accept'));
}
