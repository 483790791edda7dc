import type { AddressReport } from '#discovery/examine.js';
import { quote } from '#src/view/quote.js';
import type { CheckAnswer } from '#src/view/answer.js';
import type { Facts } from './facts.js';
import type { Link } from './links.js';
import type { Stopped } from './firewall/firewalls.js';
import { flowWords } from './firewall-words.js';
import type { PortFacts } from './ports.js';

/** What was looked at, a line each, whether something is wrong with it or not. */
export function checksOf(facts: Facts): readonly CheckAnswer[] {
  return [
    ...interfaceChecks(facts),
    ...facts.ports.map((port) => portCheck(port, facts)),
    ...firewallCheck(facts),
    ...routeCheck(facts),
    ...neighbourCheck(facts),
  ];
}

/** Interface by interface: what it is, and what became of the probes from each of its addresses. */
export function interfaceChecks({ links, examination }: Facts): readonly CheckAnswer[] {
  return links.flatMap((link) => {
    const reports = examination.addresses.filter((report) => report.interface === link.name);
    if (reports.length === 0) {
      // What was never plugged in or switched on concerns nobody, unless it could carry a network.
      const says = link.kind === 'wired' || link.kind === 'wireless' || link.addresses.length > 0;
      return says ? [idleCheck(link)] : [];
    }
    return reports.map((report) => addressCheck(link, report));
  });
}

function idleCheck({ name, kind, up, carrier, addresses }: Link): CheckAnswer {
  const state =
    up === false
      ? 'switched off'
      : carrier === false
        ? 'nothing at the other end'
        : 'no IPv4 address';
  const text = `${kind}, ${addresses.length > 0 ? `${addresses.map(quote).join(' ')}, ` : ''}${state}`;
  return { event: 'check', about: 'interface', name, kind, up, carrier, text };
}

function addressCheck(link: Link, report: AddressReport): CheckAnswer {
  const { name, kind } = link;
  const address =
    link.addresses.find((cidr) => cidr.startsWith(`${report.address}/`)) ?? report.address;
  const { probes, ownHeard, answers, bindError } = report;
  const errors = [
    ...new Set([
      ...(bindError === null ? [] : [bindError]),
      ...probes.flatMap(({ code }) => code ?? []),
    ]),
  ];
  const from = [...new Set(answers.map((answer) => answer.address))];
  const said = [
    errors.length === 0 ? 'probe sent' : `probe failed (${errors.map(quote).join(', ')})`,
    ...(ownHeard === null ? [] : [`own broadcast ${ownHeard ? 'heard' : 'NOT heard'}`]),
    from.length === 0
      ? counted(0, 'answer')
      : `${counted(from.length, 'answer')}: ${from.slice(0, 4).map(quote).join(' ')}${from.length > 4 ? ' ...' : ''}`,
  ];
  return {
    event: 'check',
    about: 'interface',
    name,
    kind,
    up: link.up,
    carrier: link.carrier,
    address,
    errors,
    ownHeard,
    answers: from,
    text: `${kind}, ${quote(address)}: ${said.join(', ')}`,
  };
}

function portCheck(
  { protocol, port, state, holders }: PortFacts,
  { ownServers }: Facts,
): CheckAnswer {
  const ours = new Set(ownServers.map(({ pid }) => pid));
  const who = holders.map(({ pid, program }) =>
    ours.has(pid) ? `lanpost of yours (process ${pid})` : `${quote(program)} (process ${pid})`,
  );
  const by = who.length > 0 ? ` by ${who.join(', ')}` : '';
  const texts = {
    free: 'free',
    held: `taken${by}`,
    shared: `shared${by}`,
    refused: 'this user may not have it',
  };
  const name = `${protocol.toUpperCase()} ${port}`;
  return { event: 'check', about: 'port', name, state, holders, text: texts[state] };
}

function firewallCheck({ firewalls, environment }: Facts): readonly CheckAnswer[] {
  if (firewalls === null) return [];
  const { manager, unread, stopped } = firewalls;
  if (environment.platform !== 'linux') {
    const text = 'its rules are not read on this system';
    return [{ event: 'check', about: 'firewall', name: 'firewall', text }];
  }
  const text =
    unread.length > 0
      ? `the rules of ${unread.join(' and ')} ${environment.isRoot ? 'could not be read' : 'can only be seen by root'}`
      : stoppedText(stopped);
  const kept = manager === null ? '' : `kept by ${manager.name}, `;
  const rules = stopped.map(
    ({ flow, verdict, kind, rule }) => `${flow} ${verdict}: ${kind} ${rule}`,
  );
  return [
    { event: 'check', about: 'firewall', name: 'firewall', unread, rules, text: `${kept}${text}` },
  ];
}

function stoppedText(stopped: readonly Stopped[]): string {
  const flowsOf = (verdict: Stopped['verdict']): readonly string[] =>
    stopped.filter((one) => one.verdict === verdict).map(({ flow }) => flowWords[flow]);
  const surely = new Set(flowsOf('drop'));
  const perhaps = new Set(flowsOf('depends').filter((flow) => !surely.has(flow)));
  const parts = [
    ...(surely.size > 0 ? [`stops ${[...surely].join(', ')}`] : []),
    ...(perhaps.size > 0 ? [`may stop ${[...perhaps].join(', ')}`] : []),
  ];
  return parts.length > 0 ? parts.join('; ') : 'stops nothing of this';
}

function routeCheck({ routes }: Facts): readonly CheckAnswer[] {
  if (routes === null) return [];
  const [first] = routes;
  const text =
    first === undefined
      ? 'none (not needed)'
      : `${first.gateway ?? 'a tunnel'} by ${quote(first.interface)}`;
  return [{ event: 'check', about: 'route', name: 'default route', text }];
}

function neighbourCheck({ neighbours }: Facts): readonly CheckAnswer[] {
  if (neighbours === null || neighbours.asked === 0) return [];
  const { asked, answers, machines, more } = neighbours;
  const addresses = machines.map(({ address }) => address);
  const text = `${asked} addresses asked one by one: ${counted(machines.length + more, 'machine')} there, ${counted(answers.length, 'answer')}`;
  const from = answers.map(({ address }) => address);
  return [
    {
      event: 'check',
      about: 'network',
      name: 'neighbours',
      machines: addresses,
      answers: from,
      text,
    },
  ];
}

function counted(count: number, word: string): string {
  return `${count === 0 ? 'no' : count} ${word}${count > 1 ? 's' : ''}`;
}
