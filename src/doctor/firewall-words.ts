import { quote } from '#src/view/quote.js';
import type { Manager, Stopped } from './firewall/firewalls.js';
import { opening } from './firewall/opening.js';
import type { Flow } from './firewall/packet.js';

export const flowWords: Readonly<Record<Flow, string>> = {
  'probe-out': 'our probes',
  'reply-in': 'answers',
  'probe-in': 'probes of others',
  'reply-out': 'our answers',
  'tcp-in': 'connections from others',
  'tcp-out': 'our connections',
};

/** One line for each rule that stops something: where it stands, and what it says. */
export function stoppedLines(stopped: readonly Stopped[]): readonly string[] {
  const lines = new Map<string, Set<string>>();
  for (const one of stopped) {
    const line = `${placeOf(one)}: ${quote(one.rule)}`;
    lines.set(line, (lines.get(line) ?? new Set()).add(flowWords[one.flow]));
  }
  return [...lines].map(
    ([line, flows]) => `${line}  (${isAre([...flows])} ${verb(stopped)} by it)`,
  );
}

function isAre(flows: readonly string[]): string {
  return `${flows.join(' and ')} are`;
}

function verb(stopped: readonly Stopped[]): string {
  return stopped.every(({ verdict }) => verdict === 'drop') ? 'stopped' : 'perhaps stopped';
}

function placeOf({ kind, chain }: Stopped): string {
  const { family, table, name } = chain;
  const which = kind === 'nft' ? `${family} ${table}` : table;
  return `${kind}, table ${quote(which)}, chain ${quote(name)}`;
}

/** The commands that let all of it through, each once; for who is not root with sudo. */
export function openAll(
  stopped: readonly Stopped[],
  manager: Manager | null,
  place: { readonly isRoot: boolean; readonly udpPort: number; readonly tcpPort: number },
): readonly string[] {
  const commands = stopped.flatMap((one) => opening(one, manager, place)).map(quote);
  return [...new Set(commands)].map((command) => (place.isRoot ? command : `sudo ${command}`));
}
