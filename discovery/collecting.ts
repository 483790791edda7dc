import { isIPv6 } from 'node:net';
import { isLinkLocal, isLoopback, type Neighbourhood } from './addresses.js';
import type { Inbox } from './inbox.js';
import type { Hit } from './mdns/neighbour.js';
import { createPeerTable, type AddressOrder, type Finding, type FoundServer } from './peers.js';
import type { Datagram } from './socket.js';
import { decodeReply, type Announcement } from './wire/announcement.js';

export interface CollectingCounts {
  readonly servers: number;
  readonly datagrams: number;
  readonly malformed: number;
  readonly excess: number;
  readonly dropped: number;
  readonly announced: number;
}

/** From the datagrams of a scan to its findings. */
export interface Collecting {
  /** True when it brought something new. */
  take(datagram: Datagram): boolean;
  /** What `source` announces by mDNS of a server at `address`; true when it brought something new. */
  mention(hit: Hit, address: string, source: string): boolean;
  /** Whether a server has answered a probe. */
  readonly isHeard: (hit: Hit) => boolean;
  /** A datagram that the socket could not keep. */
  lost(reason: 'too-long' | 'inbox-full'): void;
  /** What was announced by mDNS and left out because of a limit. */
  overLimit(): void;
  /** Nothing is heard any more. */
  settle(): void;
  servers(): readonly FoundServer[];
  counts(): CollectingCounts;
}

/**
 * Puts what is new into `findings` and counts the rest; never waits, never throws. `onRestart` hears of an address whose
 * reply replaced another run of the same id: at most as often as there are rows.
 */
export function createCollecting(
  neighbourhood: Neighbourhood,
  findings: Inbox<Finding>,
  onRestart: (address: string) => void = () => undefined,
): Collecting {
  const peers = createPeerTable(addressOrder(neighbourhood));
  let datagrams = 0;
  let malformed = 0;
  let excess = 0;
  let dropped = 0;
  let announced = 0;
  const heard = new Set<string>();

  function tell(news: readonly Finding[] | null): boolean {
    if (news === null) excess += 1;
    for (const finding of news ?? []) if (!findings.offer(finding)) dropped += 1;
    return news !== null && news.length > 0;
  }

  return {
    take({ bytes, address }) {
      datagrams += 1;
      const reply = decodeReply(bytes);
      if (reply.kind === 'malformed') {
        malformed += 1;
        return false;
      }
      const news = peers.merge(reply, address);
      if (news !== null && reply.kind === 'announcement') heard.add(runOf(reply.announcement));
      if (news?.some(isRestart)) onRestart(address);
      return tell(news);
    },
    mention({ announcement, newer }, address, source) {
      announced += 1;
      return tell(peers.merge({ kind: 'announcement', announcement, newer }, address, source));
    },
    isHeard: ({ announcement }) => heard.has(runOf(announcement)),
    lost(reason) {
      datagrams += 1;
      if (reason === 'too-long') malformed += 1;
      else dropped += 1;
    },
    overLimit() {
      excess += 1;
    },
    settle() {
      tell(peers.settle());
    },
    servers: () => peers.servers(),
    counts: () => {
      const servers = peers.servers().length;
      return { servers, datagrams, malformed, excess, dropped, announced };
    },
  };
}

function isRestart(finding: Finding): boolean {
  return finding.kind === 'replaced' && finding.server.run !== finding.previous.run;
}

function runOf({ id, run }: Announcement): string {
  return `${id} ${run}`;
}

/** The shortest way first; a link-local address is long and means nothing elsewhere, loopback only works here. */
function addressOrder({ isOnLink, isOwnAddress }: Neighbourhood): AddressOrder {
  function rank(address: string): number {
    if (isLoopback(address)) return 4;
    if (isLinkLocal(address)) return 3;
    if (isIPv6(address)) return 2;
    return isOnLink(address) ? 0 : 1;
  }
  return { rank, isOwnAddress };
}
