import { isAddress, isLinkLocal } from '#discovery/addresses.js';
import type { FoundServer } from '#discovery/scanner.js';
import type { Door, Hosts } from '#sharing/client.js';
import { readKnownPeers, readSeen, type KnownPeer } from '#sharing/device.js';
import { shortId } from '#sharing/id.js';
import type { Context } from '#src/context.js';
import { ProgramError } from '#src/failure.js';
import { portToDial } from './port-to-dial.js';
import type { scanNow as ScanNow } from './scan-now.js';
import { placeText } from '#src/view/format.js';
import { quote, someOf } from '#src/view/quote.js';

/** Where to dial, and whom to expect there. */
export interface Destination {
  /** One that was typed, or the addresses of a server that was found, the best first. */
  readonly hosts: Hosts;
  readonly port: number;
  /** Where others say that they are this server too; tried after the hosts, and believed by their key alone. */
  readonly further?: readonly Door[];
  /** Set when a name stands for a key; undefined for a typed address. */
  readonly expectedId?: string;
  /** Looks at the whole network for all who claim that key; null when that shows nobody. Scans once. */
  readonly searchAgain?: () => Promise<Destination | null>;
}

/** Loaded when it is needed: an address is dialled without a search. */
const scanNow: typeof ScanNow = async (...words) => {
  const { scanNow: search } = await import('./scan-now.js');
  return search(...words);
};

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
 * peer's name only ever means its key; a name that two ids claim is refused. Throws ProgramError.
 */
export async function findServer(context: Context, typed: TypedServer): Promise<Destination> {
  const { host } = typed;
  const port = typed.port ?? portToDial(context.settings);
  if (isAddress(host)) return { hosts: [host], port };
  const known = knownAs(host, (await readKnownPeers(context.stateFolder)).peers);
  const { claimed, namesakes } = await whoClaims(context, host, known?.id);
  const ids = new Set(claimed.map((server) => server.id));
  if (ids.size > 1) {
    const list = someOf(claimed.map(shownPlace).sort());
    throw new ProgramError(
      'ambiguous-name',
      `${ids.size} servers call themselves "${quote(host)}": ${list}`,
      'use the address of the one you mean',
    );
  }
  const [server] = claimed;
  const destination = server && (await whereFound(context, server, typed.port));
  if (destination) return destination;
  if (known) {
    const seen = (await readSeen(context.stateFolder)).find(({ id }) => id === known.id);
    if (seen) {
      const hosts = [seen.host, ...seen.others] as const;
      return { hosts, port: typed.port ?? seen.port, expectedId: known.id };
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
  return { hosts: [host], port };
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

/** An id is easily copied, and whoever copies it may answer first: all who claim it, of whom the key picks one. */
async function searchAll(
  context: Context,
  expectedId: string,
  typedPort: number | undefined,
): Promise<Destination | null> {
  const claimed = (await scanNow(context))
    .filter(({ id }) => id === expectedId)
    .flatMap(({ addresses, port }) =>
      addresses.map((host): Door => ({ host, port: typedPort ?? port })),
    );
  const [first, ...further] = [...claimed, ...(await seenDoors(context, expectedId, typedPort))];
  return first ? { hosts: [first.host], port: first.port, further, expectedId } : null;
}

/**
 * Where a server that was found is dialled: at its addresses, and then where its key was met before. Undefined without an
 * address. A typed port goes before that of the server.
 */
export async function whereFound(
  context: Context,
  server: FoundServer,
  typedPort?: number,
): Promise<Destination | undefined> {
  const { id, addresses, port } = server;
  const [best, ...others] = addresses;
  if (best === undefined) return undefined;
  const destination = { hosts: [best, ...others] as const, port: typedPort ?? port };
  if (id === null) return destination;
  let again: Promise<Destination | null> | undefined;
  const searchAgain = (): Promise<Destination | null> =>
    (again ??= searchAll(context, id, typedPort));
  const seen = await seenDoors(context, id, typedPort);
  const further = seen.filter(
    (door) => door.port !== destination.port || !addresses.includes(door.host),
  );
  return { ...destination, ...(further.length > 0 && { further }), expectedId: id, searchAgain };
}

/** Where that key was met before: others who claim its id now are no reason not to look there. */
async function seenDoors(
  context: Context,
  expectedId: string,
  typedPort: number | undefined,
): Promise<readonly Door[]> {
  const seen = (await readSeen(context.stateFolder)).find(({ id }) => id === expectedId);
  if (!seen) return [];
  const port = typedPort ?? seen.port;
  return [seen.host, ...seen.others].map((host) => ({ host, port }));
}

/** Where a server is, and its short id: what a person needs to name it. */
function shownPlace({ id, addresses: [best = ''], port }: FoundServer): string {
  return `${quote(placeText(best, port))} (${id === null ? 'without id' : shortId(id)})`;
}

interface Claims {
  /** The servers that say they are called so; for a known peer, those with its id. */
  readonly claimed: readonly FoundServer[];
  /** Those that only have the name of a known peer. */
  readonly namesakes: readonly FoundServer[];
}

async function whoClaims(
  context: Context,
  name: string,
  knownId: string | undefined,
): Promise<Claims> {
  const isMeant = (server: FoundServer): boolean =>
    knownId === undefined ? isSameName(server.name, name) : server.id === knownId;
  const before = context.memory.scanned.filter(isMeant);
  if (before.length > 0) return { claimed: before, namesakes: [] };
  // A name with a dot is a host name before it is anything else.
  if (knownId === undefined && name.includes('.')) return { claimed: [], namesakes: [] };
  // A known key needs no others to compare with: whoever answers for it has to prove it.
  const enough = knownId === undefined ? undefined : isMeant;
  const found = await scanNow(context, enough);
  return {
    claimed: found.filter(isMeant),
    namesakes: found.filter((server) => !isMeant(server) && isSameName(server.name, name)),
  };
}
