import type { DecodedReply } from './wire/announcement.js';
import { claimOf, keyOf, shownClaim, type Claim } from './claims.js';
import { marksOf } from './marks.js';
import { createMentions } from './mentions.js';

/**
 * - `legacy`: it sent only the line for people; no id, the port is the usual one.
 * - `newer`: it speaks a higher version of the protocol.
 * - `conflict`: two contradicting stories under one id and run; at most one of them is true.
 * - `twin`: this id is in use on two machines, by a copy of the key or by an impostor.
 * - `mdns`: seen by mDNS only, it did not answer a probe.
 */
export type Mark = 'legacy' | 'newer' | 'conflict' | 'twin' | 'mdns';

/** One row of a scan. Claims, not facts: identity is proven on connect. */
export interface FoundServer {
  /** 52 Crockford base32 symbols; null when legacy. */
  readonly id: string | null;
  /** Random for each start of the server; null when legacy. */
  readonly run: string | null;
  readonly name: string;
  /** TCP. */
  readonly port: number;
  /**
   * Where its replies came from, with `mdns` where it is said to be: same-subnet IPv4 first, then other IPv4, IPv6,
   * link-local IPv6, loopback.
   */
  readonly addresses: readonly string[];
  /** Whether a stranger needs a code; null when legacy. */
  readonly code: boolean | null;
  readonly marks: readonly Mark[];
}

export type Finding =
  | { readonly kind: 'server'; readonly server: FoundServer }
  | { readonly kind: 'address'; readonly server: FoundServer; readonly address: string }
  /** The row `previous` now reads `server`: the server was restarted, or its marks changed. */
  | { readonly kind: 'replaced'; readonly server: FoundServer; readonly previous: FoundServer };

export interface PeerTable {
  /**
   * What this reply changes; empty when it says nothing new, null when a cap refused it. With `source` it is no
   * reply but what that address announces by mDNS about a server at `address`: see PROTOCOL.md, Merging.
   */
  merge(reply: Reply, address: string, source?: string): readonly Finding[] | null;
  /** Nothing is heard any more; gives the marks that waited for it. */
  settle(): readonly Finding[];
  /** The rows as they stand, in the order they were found. */
  servers(): readonly FoundServer[];
}

export type Reply = Exclude<DecodedReply, { kind: 'malformed' }>;

/** What the table has to know about addresses. */
export interface AddressOrder {
  /** Smaller is shown first. */
  readonly rank: (address: string) => number;
  readonly isOwnAddress: (address: string) => boolean;
}

const maxServers = 1024;
const maxServersPerAddress = 8;
const maxAddressesPerServer = 8;
/** One id on more rows than this is an attack; marks cost time with the square of it. */
const maxRowsPerId = 16;

export interface Row {
  readonly claim: Claim;
  addresses: string[];
  /** It has answered a probe itself; until then it is only mentioned by mDNS. */
  heard: boolean;
  /** A later run took its place; it stays known, to be recognised when it answers again. */
  retired: boolean;
  /** It answered after a later run had replaced it, or replaced one that did: no restart. */
  disputed: boolean;
  /** The row as it was last told. */
  told: FoundServer;
}

/** Merges the replies of one scan. Pure: no clock, no sockets. Source: PROTOCOL.md, Merging. */
export function createPeerTable(order: AddressOrder): PeerTable {
  const rows = new Map<string, Row>();
  const rowsOfId = new Map<string, Row[]>();
  const rowsAtAddress = new Map<string, number>();
  const mentions = createMentions(roomAt);
  let settled = false;

  function merge(reply: Reply, address: string, source?: string): readonly Finding[] | null {
    const claim = claimOf(reply);
    if (source !== undefined) return mention(claim, address, source);
    const key = keyOf(claim, address);
    const row = rows.get(key);
    if (row?.heard === true && row.addresses.includes(address)) {
      return row.retired ? dispute(row) : [];
    }
    if (roomAt(address) === 0) return null;
    if (row === undefined) return addRow(key, claim, address, true);
    return row.heard ? addAddress(row, address) : hear(row, address);
  }

  function mention(claim: Claim, address: string, source: string): readonly Finding[] | null {
    if (relativesOf(claim).some((other) => outweighs(other, claim, address))) return [];
    const key = keyOf(claim, address);
    const row = rows.get(key);
    if (row !== undefined && (row.retired || row.addresses.includes(address))) return [];
    const charge = mentions.admit(relativesOf(claim), address, source, row === undefined);
    if (charge === null) return null;
    const news = row === undefined ? addRow(key, claim, address, false) : addAddress(row, address);
    if (news !== null) charge();
    return news;
  }

  function addRow(
    key: string,
    claim: Claim,
    address: string,
    heard: boolean,
  ): readonly Finding[] | null {
    if (rows.size >= maxServers) return null;
    const evicted = heard ? makeRoom(claim, address) : [];
    const relatives = relativesOf(claim);
    if (relatives.length >= maxRowsPerId) return null;
    const told = { ...shownClaim(claim), addresses: [address], marks: [] };
    const row: Row = { claim, addresses: [address], heard, retired: false, disputed: false, told };
    rows.set(key, row);
    if (claim.id !== null) rowsOfId.set(claim.id, [...relatives, row]);
    if (heard) count(address, 1);
    const replaced = [...evicted, ...retireOthers(row, address)];
    const server = tell(row);
    const news: Finding[] = replaced.length === 0 ? [{ kind: 'server', server }] : [];
    return [...news, ...tellReplaced(replaced, server), ...tellOthers(row)];
  }

  /** An id that is on too many rows loses the newest of whoever has the most of them; gives it if it was shown. */
  function makeRoom(claim: Claim, address: string): readonly Row[] {
    const relatives = relativesOf(claim);
    if (relatives.length < maxRowsPerId) return [];
    const victim = crowdingRow(relatives, address);
    if (victim === undefined || claim.id === null) return [];
    const [place] = victim.addresses;
    rows.delete(keyOf(victim.claim, place ?? ''));
    const left = relatives.filter((row) => row !== victim);
    rowsOfId.set(claim.id, left);
    if (victim.heard && place !== undefined) count(place, -1);
    return victim.retired ? [] : [victim];
  }

  function addAddress(row: Row, address: string): readonly Finding[] | null {
    if (row.addresses.length >= maxAddressesPerServer && !dropWorse(row, address)) {
      // A server that is shown with eight better addresses is not missing.
      return row.heard ? [] : null;
    }
    row.addresses.push(address);
    if (row.heard) count(address, 1);
    if (row.retired) return dispute(row);
    const replaced = retireOthers(row, address);
    const server = tell(row);
    const news: Finding = { kind: 'address', server, address };
    return [news, ...tellReplaced(replaced, server), ...tellOthers(row)];
  }

  /** An address that is better than the worst of a full row takes its place: false ones must not keep it out. */
  function dropWorse(row: Row, address: string): boolean {
    const worst = row.addresses.toSorted((a, b) => order.rank(a) - order.rank(b)).at(-1);
    if (worst === undefined || order.rank(address) >= order.rank(worst)) return false;
    row.addresses = row.addresses.filter((one) => one !== worst);
    if (row.heard) count(worst, -1);
    return true;
  }

  /** It answers for the first time: from now on it is where it answers, not where it was said to be. */
  function hear(row: Row, address: string): readonly Finding[] {
    const previous = row.told;
    row.heard = true;
    row.addresses = [address];
    count(address, 1);
    if (row.retired) return dispute(row);
    const replaced = retireOthers(row, address);
    const server = tell(row);
    const news: Finding = { kind: 'replaced', server, previous };
    return [news, ...tellReplaced(replaced, server), ...tellOthers(row)];
  }

  /** A run that was replaced answers again, so both are alive: both are shown, both are marked. */
  function dispute(row: Row): readonly Finding[] {
    row.retired = false;
    // Wherever it answers again, the run that replaced it sits at one of its other addresses.
    const rivals = row.addresses.flatMap((address) => sameServer(row, address));
    for (const other of [row, ...rivals]) other.disputed = true;
    return [{ kind: 'server', server: tell(row) }, ...tellOthers(row)];
  }

  /**
   * Same id, address and port under a new run: the server was started again. And what was only said of a server gives
   * way to what it says itself.
   */
  function retireOthers(row: Row, address: string): readonly Row[] {
    const earlier = sameServer(row, address).filter(({ disputed }) => !disputed);
    const hearsay = relativesOf(row.claim).filter(
      (other) => other !== row && !other.heard && outweighs(row, other.claim, ...other.addresses),
    );
    const gone = [...new Set([...earlier, ...hearsay])].filter(({ retired }) => !retired);
    for (const other of gone) other.retired = true;
    return gone;
  }

  function sameServer(row: Row, address: string): readonly Row[] {
    return relativesOf(row.claim).filter(
      ({ claim, addresses }) =>
        claim.run !== row.claim.run && claim.port === row.claim.port && addresses.includes(address),
    );
  }

  function relativesOf(claim: Claim): readonly Row[] {
    return claim.id === null ? [] : (rowsOfId.get(claim.id) ?? []);
  }

  function tellReplaced(replaced: readonly Row[], server: FoundServer): Finding[] {
    return replaced.map(({ told }): Finding => ({ kind: 'replaced', server, previous: told }));
  }

  /** What one row does to the marks of the others with its id. */
  function tellOthers(changed: Row): Finding[] {
    return relativesOf(changed.claim).flatMap((row) => (row === changed ? [] : tellMarks(row)));
  }

  function tellMarks(row: Row): Finding[] {
    if (row.retired) return [];
    const previous = row.told;
    const server = tell(row);
    const same = server.marks.join() === previous.marks.join();
    return same ? [] : [{ kind: 'replaced', server, previous }];
  }

  function settle(): readonly Finding[] {
    settled = true;
    return [...rows.values()].flatMap(tellMarks);
  }

  function tell(row: Row): FoundServer {
    const addresses = row.addresses.toSorted((a, b) => order.rank(a) - order.rank(b));
    const marks = marksOf(row, relativesOf(row.claim), {
      isOwnAddress: order.isOwnAddress,
      settled,
    });
    row.told = { ...shownClaim(row.claim), addresses, marks };
    return row.told;
  }

  function roomAt(address: string): number {
    return maxServersPerAddress - (rowsAtAddress.get(address) ?? 0);
  }

  function count(address: string, more: 1 | -1): void {
    rowsAtAddress.set(address, (rowsAtAddress.get(address) ?? 0) + more);
  }

  return {
    merge,
    settle,
    servers: () => [...rows.values()].filter(({ retired }) => !retired).map(({ told }) => told),
  };
}

/**
 * The newest of the rows of an id that stand at one address alone, the one with the most of them: so that two who
 * change places cannot go on for ever, only where `address` has at least two fewer.
 */
function crowdingRow(relatives: readonly Row[], address: string): Row | undefined {
  const rowsAt = (place: string): number =>
    relatives.filter(({ addresses }) => addresses.includes(place)).length;
  const alone = relatives.filter(({ addresses }) => addresses.length === 1);
  const victim = alone.toReversed().reduce<{ row: Row; rows: number } | undefined>((most, row) => {
    const rows = rowsAt(row.addresses[0] ?? '');
    return most === undefined || rows > most.rows ? { row, rows } : most;
  }, undefined);
  return victim !== undefined && victim.rows >= rowsAt(address) + 2 ? victim.row : undefined;
}

/** Whether what this row says of itself leaves no room for what mDNS says of the same server. */
function outweighs(row: Row, claim: Claim, ...addresses: readonly string[]): boolean {
  if (!row.heard) return false;
  if (row.claim.run === claim.run) return true;
  return (
    row.claim.port === claim.port && addresses.some((address) => row.addresses.includes(address))
  );
}
