import type { Mark, Row } from './peers.js';

/** The marks of one row, judged against all rows of its id. Source: PROTOCOL.md, Merging. */
export function marksOf(
  row: Row,
  relatives: readonly Row[],
  isOwnAddress: (address: string) => boolean,
): readonly Mark[] {
  const others = relatives.filter((other) => other !== row && !other.retired);
  const contradicted = others.some(({ claim }) => claim.run === row.claim.run);
  const elsewhere = others.some(
    (other) => other.claim.run !== row.claim.run && !onOneMachine(row, other, isOwnAddress),
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
function onOneMachine(a: Row, b: Row, isOwnAddress: (address: string) => boolean): boolean {
  if (a.addresses.some(isOwnAddress) && b.addresses.some(isOwnAddress)) return true;
  return a.addresses.some((address) => b.addresses.includes(address));
}
