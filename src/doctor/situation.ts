import { isLoopback } from '#discovery/addresses.js';
import type { AddressReport, Answered } from '#discovery/examine.js';
import type { Facts } from './facts.js';

/** What several causes ask for. */
export interface Situation {
  /** Addresses that lead somewhere. */
  readonly outward: readonly AddressReport[];
  /** Servers of other machines that answered a broadcast. */
  readonly others: readonly Answered[];
  /** Nobody else answered a broadcast. */
  readonly nobody: boolean;
  /** A server runs here, of this user or of another one, so it matters whether others reach it. */
  readonly serving: boolean;
}

export function situationOf({ examination, ownServers, ports, links }: Facts): Situation {
  const inside = new Set(links.filter(({ kind }) => kind === 'container').map(({ name }) => name));
  const own = new Set(examination.addresses.map(({ address }) => address));
  const answers = examination.addresses.flatMap((report) => report.answers);
  const others = answers.filter(({ address }) => !own.has(address) && !isLoopback(address));
  return {
    outward: examination.addresses.filter(
      (report) => !report.loopback && !inside.has(report.interface),
    ),
    others,
    nobody: others.length === 0,
    serving:
      ownServers.length > 0 ||
      answers.length > others.length ||
      ports.some(({ protocol, state }) => protocol === 'udp' && state === 'shared'),
  };
}
