import type { FoundServer } from '#discovery/scanner.js';
import { readKnownPeers, readSeen } from '#sharing/device.js';
import type { Context } from './context.js';
import { ProgramError } from './failure.js';
import { findServer, scanNow, type Destination } from './server-name.js';
import { quote } from './view/quote.js';

/** Names that a hint has room for. */
const mostNamed = 8;

/**
 * The server that is meant when none is named: the only one that is found, else the only one that was reached before.
 * Throws ProgramError `ambiguous-name` with their names when there are several, and `nobody-found`.
 */
export async function onlyServer(context: Context): Promise<Destination> {
  const { scanned } = context.memory;
  context.view.status.draw('looking for servers');
  const found = reachable(scanned.length > 0 ? scanned : await scanNow(context));
  const known = await readKnownPeers(context.stateFolder);
  const [only, second] = found;
  if (only && second === undefined) return only.destination;
  if (second) {
    throw severalServers(
      found.map(({ server: { id, name } }) =>
        id === null ? name : (known.byId(id)?.name ?? name),
      ),
    );
  }
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

interface Reachable {
  readonly server: FoundServer;
  readonly destination: Destination;
}

function reachable(servers: readonly FoundServer[]): readonly Reachable[] {
  return servers.flatMap((server) => {
    const [best, ...others] = server.addresses;
    if (best === undefined) return [];
    const { id, port } = server;
    const expected = id === null ? {} : { expectedId: id };
    return [{ server, destination: { hosts: [best, ...others], port, ...expected } as const }];
  });
}

function severalServers(names: readonly string[]): ProgramError {
  const all = [...new Set(names)].sort().map((name) => quote(name));
  const more = all.length > mostNamed ? `, and ${all.length - mostNamed} more` : '';
  const list = `${all.slice(0, mostNamed).join(', ')}${more}`;
  return new ProgramError(
    'ambiguous-name',
    `there are ${names.length} servers`,
    `connect to one of: ${list}`,
  );
}
