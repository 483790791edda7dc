import type { Row } from './peers.js';

/** Rows seen by mDNS only; honest servers answer, so few are needed. */
const maxMentioned = 256;
/** Of one id; the rest of its rows is kept for servers that answer. */
const maxMentionedPerId = 4;

/** Bounds what mDNS may add to the table, so that it takes no place from servers that answer. */
export interface Mentions {
  /** Whether `source` may place a server at `address`: null if not, else what counts it once it stands there. */
  admit(
    relatives: readonly Row[],
    address: string,
    source: string,
    newRow: boolean,
  ): (() => void) | null;
}

/** `roomAt` gives the rows that an address may still have. Source: PROTOCOL.md, Limits. */
export function createMentions(roomAt: (address: string) => number): Mentions {
  const bySource = new Map<string, number>();
  /** What a machine says of itself is not among it: others cannot use up its places. */
  const byOthers = new Map<string, number>();
  let rows = 0;

  return {
    admit(relatives, address, source, newRow) {
      const isFull = (counts: ReadonlyMap<string, number>, place: string): boolean =>
        (counts.get(place) ?? 0) >= roomAt(place);
      if (isFull(bySource, source)) return null;
      if (source !== address && isFull(byOthers, address)) return null;
      if (newRow && rows >= maxMentioned) return null;
      if (newRow && relatives.filter(({ heard }) => !heard).length >= maxMentionedPerId) {
        return null;
      }
      return () => {
        addOne(bySource, source);
        if (source !== address) addOne(byOthers, address);
        if (newRow) rows += 1;
      };
    },
  };
}

function addOne(counts: Map<string, number>, place: string): void {
  counts.set(place, (counts.get(place) ?? 0) + 1);
}
