import type { Cause, Weight } from './causes.js';
import type { Facts } from './facts.js';
import type { Stopped } from './firewall/firewalls.js';
import { familyOf, type Flow } from './firewall/packet.js';
import type { Link } from './links.js';
import type { Reason } from './reasons.js';
import type { PortFacts } from './ports.js';
import type { Situation } from './situation.js';
import type { Running } from '#src/servers/running.js';

/** Pure: what on this machine itself stands in the way. */
export function localCauses(facts: Facts, situation: Situation): readonly Reason[] {
  const { outward, nobody } = situation;
  if (outward.length === 0) return [noNetwork(facts)];
  // Every link that is up has a link-local address; without any other, and nobody there, something is missing.
  const bare = outward.every(({ address }) => address.startsWith('fe80:'));
  const lack = bare && nobody ? missing(facts.links) : null;
  if (lack) return [reason(lack, 'blocks')];
  return [
    ...sending(facts, situation),
    ...replies(facts, situation),
    ...serving(facts, situation),
    ...unclear(facts, situation),
    ...idleLinks(facts, situation),
    ...routes(facts),
    ...ofRoot(facts),
  ];
}

function reason(cause: Cause, weight: Weight): Reason {
  return { cause, weight };
}

/** Interfaces of which somebody would expect that they lead somewhere. */
function usable({ kind }: Link): boolean {
  return kind === 'wired' || kind === 'wireless';
}

/** Without an address nothing leaves; why there is none is told by what the interfaces lack. */
function noNetwork({ links, examination }: Facts): Reason {
  if (examination.addresses.length === 0) return reason({ code: 'no-interface' }, 'blocks');
  return reason(missing(links) ?? { code: 'only-loopback' }, 'blocks');
}

function missing(links: readonly Link[]): Cause | null {
  const candidates = links.filter(usable);
  const bare = candidates.filter(({ up, carrier }) => up === true && carrier !== false);
  const idle = candidates.filter(({ up, carrier }) => up === true && carrier === false);
  const down = candidates.filter(({ up }) => up === false);
  if (idle.length > 0) return noCarrier(idle);
  if (down.length > 0) return { code: 'interface-down', names: namesOf(down) };
  return bare.length > 0 ? { code: 'no-address', names: namesOf(bare) } : null;
}

function noCarrier(links: readonly Link[]): Cause {
  const wireless = links.every(({ kind }) => kind === 'wireless');
  return { code: 'no-carrier', names: namesOf(links), wireless };
}

function namesOf(links: readonly Link[]): readonly string[] {
  return links.map(({ name }) => name);
}

/** What is switched off or unplugged beside something that works is only told to who looks for more. */
function idleLinks({ links }: Facts, { nobody }: Situation): readonly Reason[] {
  if (!nobody) return [];
  const candidates = links.filter((link) => usable(link) && link.addresses.length === 0);
  const idle = candidates.filter(({ up, carrier }) => up === true && carrier === false);
  const down = candidates.filter(({ up }) => up === false);
  return [
    ...(idle.length > 0 ? [reason(noCarrier(idle), 'note')] : []),
    ...(down.length > 0 ? [reason({ code: 'interface-down', names: namesOf(down) }, 'note')] : []),
  ];
}

/** The code with which Linux refuses what a rule drops on its way out. */
const refusedByRule = 'EPERM';
const noPermissionOnMac = 'EHOSTUNREACH';

function sending(
  { firewalls, environment, links }: Facts,
  { outward, nobody }: Situation,
): readonly Reason[] {
  const failed = outward.filter(
    ({ bindError, probes }) =>
      bindError !== null || (probes.length > 0 && probes.every(({ code }) => code !== null)),
  );
  const errors = failed.map(({ address, bindError, probes }) => {
    return { address, code: bindError ?? probes[0]?.code ?? '' };
  });
  const stopped = stoppedBy(firewalls?.stopped, ['probe-out', 'tcp-out']);
  const manager = firewalls?.manager ?? null;
  if (stopped.length > 0) {
    const weight = nobody ? onlyWay(stopped, links, 'blocks') : 'note';
    return [reason({ code: 'firewall-out', stopped, manager }, weight)];
  }
  const weight = nobody && failed.length === outward.length ? 'blocks' : 'note';
  if (environment.platform === 'linux' && errors.some(({ code }) => code === refusedByRule)) {
    return [reason({ code: 'firewall-out', stopped, manager }, weight)];
  }
  if (errors.length === 0) return [];
  const allRefused = errors.every(({ code }) => code === noPermissionOnMac);
  if (environment.platform === 'darwin' && allRefused && failed.length === outward.length) {
    return [reason({ code: 'local-network' }, weight)];
  }
  return [reason({ code: 'send-failed', errors }, weight)];
}

/** A firewall that lets in only what was asked for takes the answer to a broadcast for a stranger. */
function replies(
  { firewalls, links }: Facts,
  { outward, others, nobody, serving: isServing }: Situation,
): readonly Reason[] {
  const heardFrom = new Set(
    outward
      .filter(({ answers }) => answers.some((answer) => others.includes(answer)))
      .map((report) => report.interface),
  );
  const stopped = stoppedBy(firewalls?.stopped, ['reply-in']).filter(
    (one) => !heardFrom.has(one.interface),
  );
  const unheard = outward
    .filter(({ ownHeard }) => ownHeard === false)
    .map((report) => report.interface)
    .filter((name) => !heardFrom.has(name) && hasBroadcast(links, name));
  if (stopped.length === 0 && unheard.length === 0) return [];
  const manager = firewalls?.manager ?? null;
  const cause: Cause = { code: 'firewall-replies', stopped, manager, unheard };
  // Who serves and finds nobody else may be just the only server.
  const weight = isServing ? 'may' : 'blocks';
  return [reason(cause, nobody ? onlyWay(stopped, links, weight) : 'note')];
}

/** A tunnel has nobody to broadcast to, and what a bridge of containers does not hear is no news. */
function hasBroadcast(links: readonly Link[], name: string): boolean {
  return !links.some(
    (link) => link.name === name && (link.kind === 'vpn' || link.kind === 'container'),
  );
}

/** What keeps others from finding and reaching a server here; without one it is only worth knowing. */
function serving(
  { firewalls, ports, ownServers, examination, links }: Facts,
  situation: Situation,
): readonly Reason[] {
  const weight = situation.serving ? 'blocks' : 'note';
  const stopped = stoppedBy(firewalls?.stopped, ['probe-in', 'reply-out', 'tcp-in']);
  const manager = firewalls?.manager ?? null;
  // What is heard at another port, and not at this one, is kept away from this one.
  const unheard = examination.addresses
    .filter(({ ownHeard, ownHeardAtPort }) => ownHeard === true && ownHeardAtPort === false)
    .map((report) => report.interface)
    .filter((name) => hasBroadcast(links, name));
  const ours = new Set(ownServers.map(({ pid }) => pid));
  const [udp, tcp] = [portOf(ports, 'udp'), portOf(ports, 'tcp')];
  // A server of ours may have the port too, over IPv6: it is not what stands in the way.
  const isElsewhere = udp?.openOverIPv6 === true && links.some(hasIPv6);
  const takenWeight = isElsewhere && weight === 'blocks' ? 'may' : weight;
  const taken = udp?.state === 'held' ? withoutOwn(udp, ours) : undefined;
  const isMixed = ours.size > 0 && udp?.holders.some(({ pid }) => !ours.has(pid)) === true;
  const shared = udp?.state === 'shared' && isMixed ? udp : undefined;
  // A server that runs has its port, whatever another user may have.
  const refused = ports.filter(({ state }) => state === 'refused');
  const refusedWeight = situation.serving ? 'note' : 'may';
  const foreign = tcp?.state === 'held' && !isServers(tcp, udp, ownServers) ? tcp : undefined;
  return [
    ...(taken ? [reason({ code: 'port-taken', port: taken }, takenWeight)] : []),
    ...refused.map((port) => reason({ code: 'port-refused', port }, refusedWeight)),
    ...(stopped.length > 0 || unheard.length > 0
      ? [
          reason(
            { code: 'firewall-in', stopped, manager, unheard },
            onlyWay(stopped, links, weight),
          ),
        ]
      : []),
    ...(shared
      ? [reason({ code: 'port-shared', port: shared }, weight === 'blocks' ? 'may' : 'note')]
      : []),
    ...(foreign ? [reason({ code: 'tcp-taken', port: foreign }, 'note')] : []),
  ];
}

/**
 * What is stopped in one family leaves the other as a way, where there is one. IPv4 is the usual one, which programs and
 * people expect; IPv6 only adds to it.
 */
function onlyWay(stopped: readonly Stopped[], links: readonly Link[], weight: Weight): Weight {
  const hasOther = stopped.every(({ interface: name, network }) => {
    const family = familyOf(network);
    const isOther = (one: Stopped): boolean => familyOf(one.network) !== family;
    const link = links.find((one) => one.name === name);
    if (link === undefined || stopped.some((one) => one.interface === name && isOther(one))) {
      return false;
    }
    return family === 'ip' ? hasIPv6(link) : link.addresses.some((cidr) => !cidr.includes(':'));
  });
  if (stopped.length === 0 || !hasOther || weight === 'note') return weight;
  return stopped.every(({ network }) => familyOf(network) === 'ip6') ? 'note' : 'may';
}

function hasIPv6({ kind, addresses }: Link): boolean {
  return kind !== 'loopback' && addresses.some((cidr) => cidr.startsWith('fe80:'));
}

function withoutOwn(port: PortFacts, ours: ReadonlySet<number>): PortFacts {
  return { ...port, holders: port.holders.filter(({ pid }) => !ours.has(pid)) };
}

function portOf(ports: readonly PortFacts[], wanted: 'udp' | 'tcp'): PortFacts | undefined {
  return ports.find(({ protocol }) => protocol === wanted);
}

/** Whether it is a server that holds a TCP port: ours, or of a program that has the UDP port as well. */
function isServers(
  tcp: PortFacts,
  udp: PortFacts | undefined,
  ownServers: readonly Running[],
): boolean {
  const others = new Set(udp?.holders.map(({ pid }) => pid));
  return (
    ownServers.some(({ port }) => port === tcp.port) ||
    tcp.holders.some(({ pid }) => others.has(pid))
  );
}

function unclear({ firewalls, environment }: Facts, situation: Situation): readonly Reason[] {
  const weight = situation.nobody || situation.serving ? 'may' : 'note';
  const stopped = firewalls?.stopped.filter(({ verdict }) => verdict === 'depends') ?? [];
  const programs = firewalls?.unread ?? [];
  const isOther = environment.platform === 'darwin' || environment.platform === 'win32';
  return [
    ...(stopped.length > 0 ? [reason({ code: 'firewall-depends', stopped }, weight)] : []),
    ...(programs.length > 0 ? [reason({ code: 'firewall-unread', programs }, weight)] : []),
    ...(isOther && firewalls !== null ? [reason({ code: 'firewall-hint' }, weight)] : []),
  ];
}

/** What root has set and started is judged, which may be nothing of what the user means. */
function ofRoot({ environment: { sudoUser } }: Facts): readonly Reason[] {
  return sudoUser === null ? [] : [reason({ code: 'sudo', user: sudoUser }, 'note')];
}

function routes({ routes: found, links }: Facts): readonly Reason[] {
  const [first] = found ?? [];
  if (first === undefined)
    return found === null ? [] : [reason({ code: 'no-default-route' }, 'note')];
  const isVpn = links.some(({ name, kind }) => name === first.interface && kind === 'vpn');
  return isVpn ? [reason({ code: 'vpn', name: first.interface }, 'note')] : [];
}

function stoppedBy(
  stopped: readonly Stopped[] | undefined,
  flows: readonly Flow[],
): readonly Stopped[] {
  return (stopped ?? []).filter(({ verdict, flow }) => verdict === 'drop' && flows.includes(flow));
}
