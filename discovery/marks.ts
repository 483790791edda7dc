import { isIPv6 } from 'node:net';
import { isLinkLocal } from './addresses.js';
import type { Mark, Row } from './peers.js';

export interface Judging {
  readonly isOwnAddress: (address: string) => boolean;
  /** No reply comes any more that could show two rows at one address. */
  readonly settled: boolean;
}

/** The marks of one row, judged against all rows of its id. Source: PROTOCOL.md, Merging. */
export function marksOf(row: Row, relatives: readonly Row[], judging: Judging): readonly Mark[] {
  const others = relatives.filter((other) => other !== row && !other.retired);
  const contradicted = others.some(({ claim }) => claim.run === row.claim.run);
  const elsewhere = others.some(
    (other) => other.claim.run !== row.claim.run && areApart(row, other, judging),
  );
  const marks: [Mark, boolean][] = [
    ['legacy', row.claim.id === null],
    ['newer', row.claim.newer],
    ['conflict', contradicted || row.disputed],
    ['twin', elsewhere],
    ['mdns', !row.heard],
  ];
  return marks.filter(([, holds]) => holds).map(([mark]) => mark);
}

/** Two servers of one machine share its key; they are no twins. */
function areApart(a: Row, b: Row, { isOwnAddress, settled }: Judging): boolean {
  if (a.addresses.some(isOwnAddress) && b.addresses.some(isOwnAddress)) return false;
  if (a.addresses.some((address) => b.addresses.includes(address))) return false;
  // Until all has been heard, an IPv6 address of the one and an IPv4 address of the other may well be one machine's.
  const kinds = new Set(a.addresses.map(kindOf));
  return settled || b.addresses.some((address) => kinds.has(kindOf(address)));
}

function kindOf(address: string): 'ipv4' | 'ipv6' | 'link-local' {
  if (!isIPv6(address)) return 'ipv4';
  return isLinkLocal(address) ? 'link-local' : 'ipv6';
}
