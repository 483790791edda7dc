import { inverted, nameFits, networkFits, portsFit, type Fit } from './matches.js';
import type { Family, Packet, PortRange } from './packet.js';
import type { Action, Chain, Hook, Rule, Ruleset, Test } from './ruleset.js';

const hooks: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};
/** In the order in which a packet passes the tables. */
const tables = ['raw', 'mangle', 'filter', 'security'];

/** Pure: reads what `iptables-save` or `ip6tables-save` prints; NAT is left out, it stops nothing. */
export function readIptables(text: string, family: Family = 'ip'): Ruleset {
  const chains: Chain[] = [];
  let table = '';
  const rules = new Map<string, Rule[]>();
  for (const line of text.split('\n')) {
    const [, name] = /^\*(\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      table = name;
      rules.clear();
    }
    if (!tables.includes(table)) continue;
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain !== undefined) {
      const own: Rule[] = [];
      rules.set(chain, own);
      chains.push({
        family,
        table,
        name: chain,
        entry: entryOf(table, chain, policy),
        rules: own,
      });
    }
    const [, target = ''] = /^-A (\S+)/.exec(line) ?? [];
    rules.get(target)?.push(readRule(line));
  }
  return { kind: 'iptables', chains };
}

/** The names of the tables in what `iptables-save` prints. */
export function tablesOf(text: string): readonly string[] {
  return [...text.matchAll(/^\*(\S+)/gm)].map(([, name = '']) => name);
}

function entryOf(table: string, chain: string, policy: string | undefined): Chain['entry'] {
  const hook = hooks[chain];
  if (hook === undefined) return undefined;
  const isDrop = policy === 'DROP';
  return { hook, priority: tables.indexOf(table), policy: isDrop ? 'drop' : 'accept' };
}

function readRule(line: string): Rule {
  const words = (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).slice(2);
  const tests: Test[] = [];
  let action: Action = { kind: 'none' };
  for (let at = 0; at < words.length; at += 1) {
    const negated = words[at] === '!';
    if (negated) at += 1;
    const option = words[at] ?? '';
    const values: string[] = [];
    while (at + 1 < words.length && !/^(-|!$)/.test(words[at + 1] ?? '')) {
      at += 1;
      values.push(words[at] ?? '');
    }
    const [value = '', second = ''] = values;
    if (option === '-j' || option === '-g') {
      action = actionOf(option, value);
      break;
    }
    const test = testOf(option, value, second);
    if (test !== undefined) {
      tests.push(negated ? (packet) => inverted(test(packet)) : test);
    }
  }
  return { text: line, tests, action };
}

/** Targets that look at a packet or mark it, and let it go on. */
const passing =
  /^(LOG|NFLOG|ULOG|MARK|CONNMARK|CONNSECMARK|SECMARK|CT|NOTRACK|TRACE|CLASSIFY|DSCP|TOS|TTL|TCPMSS|CHECKSUM|SET|AUDIT)$/;

function actionOf(option: string, target: string): Action {
  if (target === 'ACCEPT') return { kind: 'accept' };
  if (target === 'DROP' || target === 'REJECT') return { kind: 'drop' };
  if (target === 'RETURN') return { kind: 'return' };
  if (passing.test(target)) return { kind: 'none' };
  if (/^(NF)?QUEUE$/.test(target)) return { kind: 'unknown' };
  return { kind: option === '-g' ? 'goto' : 'jump', chain: target };
}

/** Modules whose own options say all; any other one asks something that is not understood. */
const plainModules = [
  'udp',
  'tcp',
  'conntrack',
  'state',
  'multiport',
  'comment',
  'addrtype',
  'pkttype',
  'iprange',
  'rpfilter',
];

/** They ask for headers of IPv6 that none of our packets has. */
const headerModules = ['rt', 'frag', 'ah', 'esp', 'dst', 'hbh', 'mh'];

/** What an option asks of a packet; undefined when it asks nothing. */
function testOf(option: string, value: string, second: string): Test | undefined {
  switch (option) {
    case '-p':
      return ({ protocol }) => value === 'all' || value === protocol;
    case '-s':
      return ({ source }) => networkFits(source, value.split(','));
    case '-d':
      return ({ destination }) => networkFits(destination, value.split(','));
    case '-i':
      return (packet) => interfaceFits(packet, 'in', value);
    case '-o':
      return (packet) => interfaceFits(packet, 'out', value);
    case '--dport':
    case '--dports':
      return ({ ports }) => portsFit(ports, rangesOf(value));
    case '--sport':
    case '--sports':
      return ({ sourcePorts }) => portsFit(sourcePorts, rangesOf(value));
    case '--ports':
      return ({ sourcePorts, ports }) =>
        either(portsFit(sourcePorts, rangesOf(value)), portsFit(ports, rangesOf(value)));
    case '--src-range':
      return ({ source }) => networkFits(source, [value]);
    case '--dst-range':
      return ({ destination }) => networkFits(destination, [value]);
    case '--ctstate':
    case '--state':
      return () => value.split(',').includes('NEW');
    case '--tcp-flags':
      // Ours begins a connection: of all flags it has this one.
      return () => (value.split(',').includes('SYN') ? 'SYN' : 'NONE') === second;
    case '--invert':
      // Of rpfilter: there is a way back to whoever is in a network of ours.
      return () => false;
    case '--loose':
    case '--validmark':
    case '--accept-local':
      return undefined;
    case '--dst-type':
      return (packet) => addressType(packet, value);
    case '--pkt-type':
      return ({ cast }) => value === cast;
    case '-m':
      if (headerModules.includes(value)) return () => false;
      return plainModules.includes(value) ? undefined : () => null;
    case '--comment':
      return undefined;
    default:
      return () => null;
  }
}

function interfaceFits(packet: Packet, direction: 'in' | 'out', pattern: string): Fit {
  return packet.direction === direction ? nameFits(packet.interface, [pattern], '+') : null;
}

function addressType({ cast, direction }: Packet, value: string): Fit {
  const type = cast === 'unicast' && direction === 'in' ? 'local' : cast;
  return value.split(',').includes(type.toUpperCase());
}

function either(one: Fit, other: Fit): Fit {
  if (one === true || other === true) return true;
  return one === null || other === null ? null : false;
}

function rangesOf(value: string): readonly PortRange[] {
  return value.split(',').map((part) => {
    const [from = '', to = from] = part.split(':');
    return [Number(from || 0), Number(to || 65_535)];
  });
}
