import { isAddress, isLinkLocal } from '#discovery/addresses.js';
import type { FoundServer } from '#discovery/scanner.js';
import { readKnownPeers, type KnownPeer } from '#sharing/device.js';
import { shortId } from '#sharing/id.js';
import type { Context } from '#src/context.js';
import { ProgramError } from '#src/failure.js';
import { isSure, lastSeen, portsOf, scanNow, whereFound, type Destination } from './destination.js';
import { portToDial } from './port-to-dial.js';
import { placeText } from '#src/view/format.js';
import { quote, someOf } from '#src/view/quote.js';

/** What was typed for a server: a name or address, and a port if one was given. */
export interface TypedServer {
  readonly host: string;
  readonly port: number | undefined;
}

const serverForms =
  'a server is a name or an address, with :port if wanted: amber, 192.168.1.20:30001, [fe80::1%eth0]:30001';

/**
 * Reads `amber`, `192.168.1.20:30001`, `fe80::1%eth0` and `[fe80::1%eth0]:30001`. Throws ProgramError
 * `usage` for a port that is none, or a link-local address without its interface.
 */
export function parseServer(typed: string, portWord?: string): TypedServer {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(typed);
  const single = /^([^:]*):([^:]*)$/.exec(typed);
  const [host, inline] = bracketed
    ? [bracketed[1] ?? '', bracketed[2]]
    : single
      ? [single[1] ?? '', single[2]]
      : [typed, undefined];
  if (portWord !== undefined && inline !== undefined) {
    throw new ProgramError('usage', 'two ports for one server', 'connect <server> [port]');
  }
  const text = portWord ?? inline;
  if (host === '' || /[[\]]/.test(host)) {
    throw new ProgramError('usage', `"${quote(typed)}" is no server`, serverForms);
  }
  if (isLinkLocal(host) && !host.includes('%')) {
    throw new ProgramError(
      'usage',
      `"${quote(host)}" is on every link: through which interface?`,
      `such as ${quote(host)}%eth0; scan shows it`,
    );
  }
  if (text === undefined) return { host, port: undefined };
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535) {
    throw new ProgramError(
      'usage',
      `"${quote(text)}" is not a port`,
      'a port is a number from 1 to 65535',
    );
  }
  return { host, port: Number(text) };
}

/**
 * Finds the server that was meant: an address, a known peer, a name from a scan, or a host name. A known
 * peer's name only ever means its key; a name that two ids claim is refused, and one of several servers of a machine, unless
 * it was met at one of them last. Throws ProgramError.
 */
export async function findServer(context: Context, typed: TypedServer): Promise<Destination> {
  const { host } = typed;
  const port = typed.port ?? portToDial(context.settings);
  if (isAddress(host)) return { hosts: [host], port, onlyPort: typed.port };
  const known = knownAs(host, (await readKnownPeers(context.stateFolder)).peers);
  const { found, claimed, namesakes } = await whoClaims(context, typed, known?.id);
  const ids = new Set(claimed.map((server) => server.id));
  if (ids.size > 1) {
    const list = someOf(claimed.map(shownPlace).sort());
    throw new ProgramError(
      'ambiguous-name',
      `${ids.size} servers call themselves "${quote(host)}": ${list}`,
      'use the address of the one you mean',
    );
  }
  const server = await oneOf(context, claimed, typed);
  // The others of its machine have its key too, and must not be taken for it.
  const ownPort = server && portsOf(found, server.id).size > 1 ? server.port : undefined;
  const destination = server && (await whereFound(context, server, typed.port ?? ownPort));
  if (destination) return destination;
  if (known) {
    const seen = await lastSeen(context, known.id);
    if (seen) {
      const hosts = [seen.host, ...seen.others] as const;
      const onlyPort = typed.port;
      return { hosts, port: onlyPort ?? seen.port, onlyPort, expectedId: known.id };
    }
    const [namesake] = namesakes;
    throw new ProgramError(
      'nobody-found',
      `${quote(host)} was not found`,
      namesake
        ? `another one calls itself so, not the one that this machine knows: ${shownPlace(namesake)}`
        : 'is it on, and on this network?',
    );
  }
  return { hosts: [host], port, onlyPort: typed.port };
}

/**
 * The one that is meant of all that claim a key: of several servers of its machine the one that was met last. Throws
 * ProgramError `ambiguous-name`.
 */
async function oneOf(
  context: Context,
  claimed: readonly FoundServer[],
  { host, port }: TypedServer,
): Promise<FoundServer | undefined> {
  const sure = claimed.filter(isSure);
  const [first = claimed[0]] = sure;
  if (first === undefined || port !== undefined) return first;
  const ports = portsOf(sure, first.id);
  if (ports.size < 2) return first;
  const seen = await lastSeen(context, first.id);
  const met = sure.find((server) => server.port === seen?.port);
  if (met) return met;
  const list = someOf([...ports].sort((a, b) => a - b).map((one) => `${quote(host)}:${one}`));
  throw new ProgramError(
    'ambiguous-name',
    `there are ${ports.size} servers of "${quote(host)}"`,
    `name one of them: ${list}`,
  );
}

/**
 * The known peer of that name, in that spelling or in another one: nobody may come by its name with a capital letter.
 * Throws ProgramError `ambiguous-name`.
 */
export function knownAs(name: string, peers: readonly KnownPeer[]): KnownPeer | undefined {
  const exact = peers.find((peer) => peer.name === name);
  if (exact) return exact;
  const alike = peers.filter((peer) => isSameName(peer.name, name));
  const [only, second] = alike;
  if (!second) return only;
  const list = alike.map((peer) => quote(peer.name)).sort();
  throw new ProgramError(
    'ambiguous-name',
    `"${quote(name)}" may be ${list.join(' or ')}`,
    'type the name as peers list shows it',
  );
}

/** Names that a person takes for one: capitals, and how an accent is encoded, make no other. */
export function isSameName(one: string, other: string): boolean {
  return folded(one) === folded(other);
}

function folded(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}

/** Where a server is, and its short id: what a person needs to name it. */
function shownPlace({ id, addresses: [best = ''], port }: FoundServer): string {
  return `${quote(placeText(best, port))} (${id === null ? 'without id' : shortId(id)})`;
}

interface Claims {
  /** All who were found, as far as was looked. */
  readonly found: readonly FoundServer[];
  /** The servers that say they are called so; for a known peer, those with its id. */
  readonly claimed: readonly FoundServer[];
  /** Those that only have the name of a known peer. */
  readonly namesakes: readonly FoundServer[];
}

async function whoClaims(
  context: Context,
  { host, port }: TypedServer,
  knownId: string | undefined,
): Promise<Claims> {
  const isMeant = (server: FoundServer): boolean =>
    knownId === undefined ? isSameName(server.name, host) : server.id === knownId;
  const { scanned } = context.memory;
  const before = scanned.filter(isMeant);
  if (before.length > 0) return { found: scanned, claimed: before, namesakes: [] };
  // A name with a dot is a host name before it is anything else.
  if (knownId === undefined && host.includes('.')) return { found: [], claimed: [], namesakes: [] };
  const wanted = knownId === undefined ? undefined : await wantedOf(context, knownId, port);
  const found = await scanNow(context, wanted);
  return {
    found,
    claimed: found.filter(isMeant),
    namesakes: found.filter((server) => !isMeant(server) && isSameName(server.name, host)),
  };
}

/**
 * Who of a known key ends the search: it needs no others to compare with, for whoever answers for it has to prove it. Only of
 * one that was never met, all its servers are looked for.
 */
async function wantedOf(
  context: Context,
  knownId: string,
  typedPort: number | undefined,
): Promise<((server: FoundServer) => boolean) | undefined> {
  if (typedPort !== undefined) return ({ id }) => id === knownId;
  const seen = await lastSeen(context, knownId);
  return seen && (({ id, port }) => id === knownId && port === seen.port);
}
