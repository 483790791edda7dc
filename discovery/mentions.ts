import type { Row } from './peers.js';

/** Rows seen by mDNS only; honest servers answer, so few are needed. */
export const maxMentioned = 256;
/** Of one id; the rest of its rows is kept for servers that answer. */
export const maxMentionedPerId = 4;

/** Bounds what mDNS may add to the table, so that it takes no place from servers that answer. */
export interface Mentions {
  /** Whether `source` may place a server at `address`; counts it if so. */
  admit(relatives: readonly Row[], address: string, source: string, newRow: boolean): boolean;
}

/** `roomAt` gives the rows that an address may still have. Source: PROTOCOL.md, Limits. */
export function createMentions(roomAt: (address: string) => number): Mentions {
  const byAddress = new Map<string, number>();
  let rows = 0;

  return {
    admit(relatives, address, source, newRow) {
      const touched = [...new Set([address, source])];
      const isFull = (place: string): boolean => (byAddress.get(place) ?? 0) >= roomAt(place);
      if (touched.some(isFull)) return false;
      if (newRow && rows >= maxMentioned) return false;
      if (newRow && relatives.filter(({ heard }) => !heard).length >= maxMentionedPerId) {
        return false;
      }
      for (const place of touched) byAddress.set(place, (byAddress.get(place) ?? 0) + 1);
      if (newRow) rows += 1;
      return true;
    },
  };
}
