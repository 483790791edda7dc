import {
  isAddress,
  neighbourhoodOf,
  readInterfaces,
  type InterfaceTable,
} from '#discovery/addresses.js';
import { askDirectly } from '#discovery/direct.js';
import type { Answered } from '#discovery/examine.js';
import { knock } from '#sharing/knocking.js';
import { wait } from '#discovery/wait.js';
import { lookup } from 'node:dns/promises';
import type { System } from '#src/process/system.js';
import type { ServerFacts } from './facts.js';
import { readNeighbours } from './routes.js';

/** The server that was named, and where its name has been met before. */
export interface Sought {
  readonly host: string;
  readonly port: number | undefined;
  /** Of a known peer of that name. */
  readonly id: string | undefined;
  readonly seen: { readonly host: string; readonly port: number } | undefined;
}

interface AskingOptions {
  readonly system: System;
  readonly interfaces: () => InterfaceTable;
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly signal: AbortSignal;
}

/** Milliseconds. */
const answerMs = 300;
const knockMs = 3000;
const lookupMs = 3000;
const times = 2;

/** How a server is asked. */
export interface Ways {
  readonly ask: typeof askDirectly;
  readonly knock: typeof knock;
  /** The addresses of a host name; rejects where it has none. */
  readonly lookup: (name: string) => Promise<readonly { address: string; family: number }[]>;
}

const usualWays: Ways = {
  ask: askDirectly,
  knock,
  lookup: (name) => lookup(name, { all: true }),
};

/** Tries a server by UDP and by TCP, each on its own. */
export async function lookAtServer(
  sought: Sought,
  found: readonly Answered[],
  options: AskingOptions,
  ways: Ways = usualWays,
): Promise<ServerFacts> {
  const { udpPort, tcpPort, signal } = options;
  const typed = sought.host;
  const met = found.find((one) => isMeant(sought, one));
  const address = isAddress(typed)
    ? typed
    : (met?.address ?? sought.seen?.host ?? (await resolved(typed, ways, signal)));
  const port = sought.port ?? met?.port ?? sought.seen?.port ?? tcpPort;
  if (address === null) {
    const tcp = { code: 'ENOTFOUND' };
    return { typed, address, port, sendError: null, answer: null, there: null, tcp };
  }
  const addresses = [address];
  const asked = await ways.ask({ port: udpPort, addresses, times, listenMs: answerMs, signal });
  const atIt = [...asked.answers, ...found].filter((one) => one.address === address);
  // Several servers of one machine share its address.
  const answer =
    atIt.find((one) => isMeant(sought, one) && one.port === (sought.port ?? one.port)) ??
    atIt[0] ??
    asked.answers[0] ??
    null;
  const tcpAt = sought.port ?? met?.port ?? answer?.port ?? port;
  const tcp = await ways.knock({ host: address, port: tcpAt, timeout: knockMs, signal });
  const sendError = asked.errors.get(address) ?? null;
  const there = await isThere(address, options);
  return { typed, address, port: tcpAt, sendError, answer, there, tcp };
}

/** By then the system has looked for a machine with that address, whether it has said so already or not. */
async function isThere(
  address: string,
  { system, interfaces }: AskingOptions,
): Promise<boolean | null> {
  const { isOnLink, isOwnAddress } = neighbourhoodOf(readInterfaces(interfaces));
  const neighbours = await readNeighbours(system);
  const isOurs = isOnLink(address) && !isOwnAddress(address) && !address.includes(':');
  if (!isOurs || neighbours === null) return null;
  return [...neighbours.values()].flat().includes(address);
}

function isMeant({ host, id }: Sought, { name, address, id: its }: Answered): boolean {
  if (isAddress(host)) return address === host;
  return id === undefined ? name.toLowerCase() === host.toLowerCase() : its === id;
}

/** A name that nobody knows may take the system many seconds, and nothing ends that: it is not waited for. */
async function resolved(
  name: string,
  { lookup: find }: Ways,
  signal: AbortSignal,
): Promise<string | null> {
  // IPv4 first, as everywhere here; a name that has none may lead to IPv6.
  const address = find(name).then(
    (found) => (found.find(({ family }) => family === 4) ?? found[0])?.address ?? null,
    () => null,
  );
  const found = new AbortController();
  const tooLong = wait(lookupMs, AbortSignal.any([signal, found.signal])).then(() => null);
  return Promise.race([address, tooLong]).finally(() => {
    found.abort();
  });
}
