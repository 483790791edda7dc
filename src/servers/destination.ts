import type { FoundServer } from '#discovery/scanner.js';
import type { Door, Hosts } from '#sharing/client.js';
import { readSeen, type Seen } from '#sharing/device.js';
import type { Context } from '#src/context.js';
import type { scanNow as ScanNow } from './scan-now.js';

/** Where to dial, and whom to expect there. */
export interface Destination {
  /** One that was typed, or the addresses of a server that was found, the best first. */
  readonly hosts: Hosts;
  readonly port: number;
  /** Set when it is looked for at this port alone: the one that was typed, or that tells it from others of its machine. */
  readonly onlyPort?: number | undefined;
  /** Where others say that they are this server too; tried after the hosts, and believed by their key alone. */
  readonly further?: readonly Door[];
  /** Set when a name stands for a key; undefined for a typed address. */
  readonly expectedId?: string;
  /** Looks at the whole network for all who claim that key; null when that shows nobody. Scans once. */
  readonly searchAgain?: () => Promise<Destination | null>;
}

/**
 * Where a server that was found is dialled: at its addresses, and then where its key was met before. Undefined without an
 * address. `onlyPort` goes before that of the server.
 */
export async function whereFound(
  context: Context,
  server: FoundServer,
  onlyPort?: number,
): Promise<Destination | undefined> {
  const { id, addresses, port } = server;
  const [best, ...others] = addresses;
  if (best === undefined) return undefined;
  const destination = { hosts: [best, ...others] as const, port: onlyPort ?? port, onlyPort };
  if (id === null) return destination;
  let again: Promise<Destination | null> | undefined;
  const searchAgain = (): Promise<Destination | null> =>
    (again ??= searchAll(context, id, onlyPort));
  const seen = await seenDoors(context, id, onlyPort);
  const further = seen.filter(
    (door) => door.port !== destination.port || !addresses.includes(door.host),
  );
  return { ...destination, ...(further.length > 0 && { further }), expectedId: id, searchAgain };
}

/** Where that key was met before: others who claim its id now are no reason not to look there. */
async function seenDoors(
  context: Context,
  expectedId: string,
  onlyPort: number | undefined,
): Promise<readonly Door[]> {
  const seen = await lastSeen(context, expectedId);
  if (!seen) return [];
  const port = onlyPort ?? seen.port;
  return [seen.host, ...seen.others].map((host) => ({ host, port }));
}

/** Where a server was met last. */
export async function lastSeen(context: Context, id: string | null): Promise<Seen | undefined> {
  return (await readSeen(context.stateFolder)).find((seen) => seen.id === id);
}

/**
 * An id is easily copied, and whoever copies it may answer first: all who claim it, of whom the key picks one. But of several
 * servers of its machine only the one that was met last.
 */
async function searchAll(
  context: Context,
  expectedId: string,
  onlyPort: number | undefined,
): Promise<Destination | null> {
  const claimed = (await scanNow(context)).filter(({ id }) => id === expectedId);
  const seen = await lastSeen(context, expectedId);
  const isSeveral = onlyPort === undefined && portsOf(claimed, expectedId).size > 1;
  if (claimed.length === 0 || (isSeveral && !seen)) return null;
  const wanted = isSeveral ? seen?.port : onlyPort;
  const doors = claimed.flatMap(({ addresses, port }) =>
    addresses.map((host): Door => ({ host, port: wanted ?? port })),
  );
  const [first, ...further] = [...doors, ...(await seenDoors(context, expectedId, onlyPort))];
  return first ? { hosts: [first.host], port: first.port, further, expectedId } : null;
}

/** Milliseconds; a shorter scan than usual asks nobody one by one. */
const shortScan = 1000;

/** As `searchAgain`, for who looks often. */
export function searchBriefly(
  context: Context,
  expectedId: string,
  onlyPort: number | undefined,
): Promise<Destination | null> {
  const scanTimeout = Math.min(context.settings.scanTimeout, shortScan);
  const settings = { ...context.settings, scanTimeout };
  return searchAll({ ...context, settings }, expectedId, onlyPort);
}

/** TCP: where servers with that key are, as far as nobody contradicts them. */
export function portsOf(servers: readonly FoundServer[], id: string | null): ReadonlySet<number> {
  const same = servers.filter((server) => isSure(server) && server.id === id);
  return new Set(same.map(({ port }) => port));
}

/** Of two who contradict each other the key tells which is right, and mDNS may tell of what is gone. */
export function isSure({ marks }: FoundServer): boolean {
  return !marks.some((mark) => mark === 'conflict' || mark === 'twin' || mark === 'mdns');
}

/** Loaded when it is needed: an address is dialled without a search. */
export const scanNow: typeof ScanNow = async (...words) => {
  const { scanNow: search } = await import('./scan-now.js');
  return search(...words);
};
