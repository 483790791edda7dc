import { readKnownPeers, readSeen } from '#sharing/device.js';
import type { Context } from '#src/context.js';
import { ProgramError } from '#src/failure.js';
import { whereFound, type Destination } from './destination.js';
import { scanNow } from './scan-now.js';
import { findServer, isSameName } from './server-name.js';
import { placeText } from '#src/view/format.js';
import { quote, someOf } from '#src/view/quote.js';

/**
 * The server that is meant when none is named: the only one that is found, else the only one that was reached before.
 * Throws ProgramError `ambiguous-name` with their names when there are several, and `nobody-found`.
 */
export async function onlyServer(context: Context): Promise<Destination> {
  const { scanned } = context.memory;
  context.view.status.draw('looking for servers');
  const servers = scanned.length > 0 ? scanned : await scanNow(context);
  const known = await readKnownPeers(context.stateFolder);
  const found: Found[] = [];
  for (const server of servers) {
    const destination = await whereFound(context, server);
    const name = known.byId(server.id ?? '')?.name ?? server.name;
    if (destination) found.push({ name, destination });
  }
  const [only, second] = found;
  if (only && second === undefined) return only.destination;
  if (second) throw severalServers(found.map((one) => typedName(one, found)));
  const seen = await readSeen(context.stateFolder);
  const before = known.peers.filter(({ id }) => seen.some((one) => one.id === id));
  const [peer, another] = before;
  if (peer && !another) return findServer(context, { host: peer.name, port: undefined });
  if (another) throw severalServers(before.map(({ name }) => name));
  throw new ProgramError(
    'nobody-found',
    'no server was found',
    'connect <address> reaches one by its address; doctor says why none is found',
  );
}

interface Found {
  readonly name: string;
  readonly destination: Destination;
}

/** What to type for one of them: of a machine with several servers the port too, of several machines of one name the address. */
function typedName({ name, destination }: Found, all: readonly Found[]): string {
  const alike = all.filter((other) => isSameName(other.name, name));
  if (alike.length === 1) return name;
  const { hosts, port, expectedId } = destination;
  const isOneMachine =
    expectedId !== undefined && alike.every((one) => one.destination.expectedId === expectedId);
  return isOneMachine ? `${name}:${port}` : placeText(hosts[0], port);
}

function severalServers(names: readonly string[]): ProgramError {
  const list = someOf([...new Set(names)].sort().map((name) => quote(name)));
  return new ProgramError(
    'ambiguous-name',
    `there are ${names.length} servers`,
    `connect to one of: ${list}`,
  );
}
