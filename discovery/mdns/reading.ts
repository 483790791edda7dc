import { isIPv4 } from 'node:net';
import { isLinkLocal, isLoopback, type Neighbourhood } from '#discovery/addresses.js';
import type { Datagram } from '#discovery/socket.js';
import type { decodeAnswer } from './message.js';
import { createNeighbour, type Hit, type Neighbour } from './neighbour.js';
import type { Question } from './question.js';
import { mdnsPort } from './service.js';
import { isAnswer, speaksOfServers } from './sieve.js';

export interface ReadingOptions {
  readonly neighbourhood: Neighbourhood;
  /** Each time an answer was read, all that its source has said so far. */
  readonly onHits: (hits: readonly Hit[], source: string) => void;
  /** Something was left out because of a limit. */
  readonly onExcess: () => void;
}

/** From datagrams to hits, within bounds. */
export interface Reading {
  /** `ask` is called with what is missing and its source may know. */
  take(datagram: Datagram, ask: (questions: readonly Question[]) => void): Promise<void>;
}

/** An honest source says what it has in a few messages. */
export const maxMessagesPerSource = 64;
const maxSources = 1024;

interface Parser {
  readonly decodeAnswer: typeof decodeAnswer;
}

interface Source {
  readonly neighbour: Neighbour;
  messages: number;
  /** It was asked for an address, so that answers without our service may matter. */
  asked: boolean;
}

/**
 * Reads answers of this network. Only sources of our own networks are heard, by RFC 6762, section 11; each is heard for
 * itself, so that none can add to what another says, and only so often.
 */
export function createReading({ neighbourhood, onHits, onExcess }: ReadingOptions): Reading {
  const sources = new Map<string, Source>();
  // The parser is only loaded where somebody announces a server.
  let parser: Promise<Parser> | undefined;

  function newSource(address: string): Source | undefined {
    if (sources.size >= maxSources) return undefined;
    const source = { neighbour: createNeighbour(), messages: 0, asked: false };
    sources.set(address, source);
    return source;
  }

  /** A link-local address of a record has no zone, and loopback would be this machine. */
  function isReachable(address: string): boolean {
    if (isLoopback(address) || (!isIPv4(address) && isLinkLocal(address))) return false;
    return neighbourhood.isNearby(address);
  }

  return {
    async take({ bytes, address, port }, ask) {
      if (port !== mdnsPort || isLoopback(address) || !isAnswer(bytes)) return;
      // Who has said enough is not even looked at, so that a flood costs little.
      const known = sources.get(address);
      if ((known?.messages ?? 0) >= maxMessagesPerSource) {
        onExcess();
        return;
      }
      if (known?.asked !== true && !speaksOfServers(bytes)) return;
      if (!neighbourhood.isOnLink(address)) return;
      const source = known ?? newSource(address);
      if (source === undefined) {
        onExcess();
        return;
      }
      source.messages += 1;
      const { decodeAnswer: decode } = await (parser ??= import('./message.js'));
      const records = decode(bytes);
      if (records === null) return;
      source.neighbour.take(records);
      const hits = source.neighbour.hits().map(({ addresses, ...hit }) => {
        return { ...hit, addresses: addresses.filter(isReachable) };
      });
      if (hits.length > 0) onHits(hits, address);
      const missing = source.neighbour.missing();
      if (missing.length === 0) return;
      source.asked = true;
      ask(missing);
    },
  };
}
