import type { System } from '#src/process/system.js';
import { readIptables, tablesOf } from './iptables.js';
import { judge } from './judge.js';
import { readNft } from './nft.js';
import { packetsOf, type Flow, type PacketOptions, type PortRange } from './packet.js';
import type { Chain, Ruleset } from './ruleset.js';

/** The firewalls of this machine and what they do to us. */
export interface FirewallFacts {
  /** The program that keeps the rules, and would put its own back. */
  readonly manager: Manager | null;
  /** Programs whose rules could not be read: only root may see them, or even root could not. */
  readonly unread: readonly string[];
  /** What is not simply let through. */
  readonly stopped: readonly Stopped[];
}

export type Manager =
  | { readonly name: 'ufw' }
  | { readonly name: 'firewalld'; readonly zones: ReadonlyMap<string, string> };

export interface Stopped {
  readonly flow: Flow;
  readonly interface: string;
  /** IPv4 or IPv6. */
  readonly network: string;
  readonly freePorts: PortRange;
  readonly verdict: 'drop' | 'depends';
  readonly kind: Ruleset['kind'];
  readonly rule: string;
  readonly chain: Pick<Chain, 'family' | 'table' | 'name'>;
}

/** Reads all rules and judges what matters on each interface; on systems without these programs there is nothing. */
export async function readFirewalls(
  system: System,
  places: readonly PacketOptions[],
): Promise<FirewallFacts> {
  const [{ rulesets, unread }, manager] = await Promise.all([
    readRulesets(system),
    readManager(system, places),
  ]);
  const stopped = rulesets.flatMap((ruleset) =>
    places.flatMap((place) => stoppedAt(ruleset, place)),
  );
  return { manager, unread, stopped };
}

function stoppedAt(ruleset: Ruleset, place: PacketOptions): readonly Stopped[] {
  return packetsOf(place).flatMap((packet) => {
    const { verdict, rule, chain } = judge(ruleset, packet);
    if (verdict === 'accept' || rule === null || chain === null) return [];
    const { flow } = packet;
    const { network, freePorts } = place;
    const { family, table, name } = chain;
    const where = { interface: place.interface, network, freePorts, kind: ruleset.kind };
    return [{ flow, ...where, verdict, rule, chain: { family, table, name } }];
  });
}

async function readRulesets(
  system: System,
): Promise<{ rulesets: readonly Ruleset[]; unread: readonly string[] }> {
  const [saved, saved6, json, listing] = await Promise.all([
    system.run('iptables-save', []),
    system.run('ip6tables-save', []),
    system.run('nft', ['-j', 'list', 'ruleset']),
    system.run('nft', ['-a', 'list', 'ruleset']),
  ]);
  const unread: string[] = [];
  const rulesets: Ruleset[] = [];
  // The iptables of today keep their tables in nft, where nft shows them less clearly.
  const theirs = new Set<string>();
  for (const [family, ran] of [
    ['ip', saved],
    ['ip6', saved6],
  ] as const) {
    if (ran !== null && ran.code !== 0) unread.push(family === 'ip' ? 'iptables' : 'ip6tables');
    if (ran?.code !== 0 || ran.output === '') continue;
    rulesets.push(readIptables(ran.output, family));
    if (!ran.output.includes('nf_tables')) continue;
    for (const table of tablesOf(ran.output)) theirs.add(`${family} ${table}`);
  }
  const isTheirs = (family: string, table: string): boolean => theirs.has(`${family} ${table}`);
  if (json !== null) {
    const read = json.code === 0 ? readNft(json.output, listing?.output ?? '', isTheirs) : null;
    if (read === null || !mayReadAll(system, json.output)) unread.push('nft');
    if (read !== null) rulesets.push(read);
  }
  return { rulesets, unread };
}

/** Some versions show an empty list to whoever is not root, without a word. */
function mayReadAll({ isRoot }: System, output: string): boolean {
  return isRoot || output.includes('"chain"');
}

async function readManager(
  system: System,
  places: readonly PacketOptions[],
): Promise<Manager | null> {
  const state = await system.run('firewall-cmd', ['--state']);
  if (state?.output.trim() === 'running') {
    const zones = new Map<string, string>();
    const names = new Set(places.map((place) => place.interface));
    await Promise.all(
      [...names].map(async (name) => {
        const zone = await system.run('firewall-cmd', [`--get-zone-of-interface=${name}`]);
        if (zone?.code === 0 && zone.output.trim() !== '') zones.set(name, zone.output.trim());
      }),
    );
    return { name: 'firewalld', zones };
  }
  const settings = (await system.readText('/etc/ufw/ufw.conf')) ?? '';
  return /^\s*ENABLED\s*=\s*"?yes/im.test(settings) ? { name: 'ufw' } : null;
}
