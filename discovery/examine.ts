import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { neighbourhoodOf, readInterfaces, type InterfaceTable } from './addresses.js';
import { createReplies, type Answered } from './replies.js';
import { openSocket, type DatagramSocket, type OpenSocket } from './socket.js';
import { targetsOf, type Target } from './targets.js';
import { wait } from './wait.js';
import { maxReplyBytes } from './wire/announcement.js';
import { encodeProbe, isProbe } from './wire/probe.js';

export type { Answered } from './replies.js';

export interface ExamineOptions {
  /** UDP, where servers listen. */
  readonly port: number;
  /** Milliseconds from the first probe to the end. */
  readonly listenMs: number;
  /** Milliseconds after the start at which probes are sent. */
  readonly rounds: readonly number[];
  readonly signal?: AbortSignal;
  readonly interfaces?: () => InterfaceTable;
}

/** What one local address can do. */
export interface AddressReport {
  readonly interface: string;
  readonly address: string;
  readonly loopback: boolean;
  /** Why no socket could be bound to it; null when one was. */
  readonly bindError: string | null;
  readonly probes: readonly ProbeReport[];
  /**
   * Whether a broadcast from here came back to this machine, as systems do unless something that filters what comes
   * in keeps it away; null where it was not tried.
   */
  readonly ownHeard: boolean | null;
  /** The same at the discovery port; null when another program holds it alone. */
  readonly ownHeardAtPort: boolean | null;
  readonly answers: readonly Answered[];
}

/** One destination; the code is that of the last round. */
export interface ProbeReport {
  readonly destination: string;
  /** Null: the system took it. */
  readonly code: string | null;
}

export interface Examination {
  readonly addresses: readonly AddressReport[];
  /** Sources of probes of other machines that were heard and are in no network of ours. */
  readonly offLink: readonly string[];
}

const limitedBroadcast = '255.255.255.255';
const anyAddress = '0.0.0.0';
const inboxLimit = 1024;

/**
 * Probes from each local address as a scan does, and reports address by address what became of it, instead of merging
 * what is found. Sends at most one datagram per address and round more than a scan; never throws because of a
 * network. Source: PROTOCOL.md, Scanner.
 */
export async function examine(
  options: ExamineOptions,
  open: OpenSocket = openSocket,
): Promise<Examination> {
  const { port, rounds, listenMs } = options;
  const signal = options.signal ?? new AbortController().signal;
  const table = readInterfaces(options.interfaces ?? networkInterfaces);
  const near = neighbourhoodOf(table);
  const atPort = await listenFor(port, open);
  const aside = await listenFor(0, open);
  const lines = await Promise.all(
    targetsOf(table).map((target) => openLine(target, { port, asidePort: aside?.port }, open)),
  );
  const startedAt = performance.now();
  const elapsedMs = (): number => performance.now() - startedAt;
  for (const at of rounds) {
    if (at > elapsedMs()) await wait(at - elapsedMs(), signal);
    if (!signal.aborted) await Promise.all(lines.map((line) => line.probe()));
  }
  await wait(Math.max(0, listenMs - elapsedMs()), signal);
  const reports = await Promise.all(
    lines.map((line) => line.end({ atPort: atPort?.sources, aside: aside?.sources })),
  );
  await atPort?.[Symbol.asyncDispose]();
  await aside?.[Symbol.asyncDispose]();
  const heard = [...(atPort?.sources ?? [])];
  return {
    addresses: reports,
    offLink: heard.filter((address) => !near.isOwnAddress(address) && !near.isOnLink(address)),
  };
}

interface Ear extends AsyncDisposable {
  readonly port: number;
  /** Where probes came from. */
  readonly sources: ReadonlySet<string>;
}

/**
 * Listens for broadcasts beside a server that may be there: bound to the broadcast address a socket gets no datagram
 * that was meant for another one. Where systems do not know that, the port is taken only if it is free.
 */
async function listenFor(port: number, open: OpenSocket): Promise<Ear | undefined> {
  const common = { port, broadcast: false, inboxLimit, maxBytes: maxReplyBytes };
  const onDropped = (): void => undefined;
  const first = await open({ ...common, address: limitedBroadcast, reuseAddr: true, onDropped });
  const opened = first.ok
    ? first
    : await open({ ...common, address: anyAddress, reuseAddr: false, onDropped });
  if (!opened.ok) return undefined;
  const { socket } = opened;
  const sources = new Set<string>();
  const reading = (async () => {
    for await (const { bytes, address } of socket.datagrams) {
      if (isProbe(bytes) && sources.size < inboxLimit) sources.add(address);
    }
  })();
  return {
    port: socket.port,
    sources,
    async [Symbol.asyncDispose]() {
      await socket[Symbol.asyncDispose]();
      await reading;
    },
  };
}

interface Line {
  probe(): Promise<void>;
  end(heard: {
    readonly atPort: ReadonlySet<string> | undefined;
    readonly aside: ReadonlySet<string> | undefined;
  }): Promise<AddressReport>;
}

/** One local address, probed from. */
async function openLine(
  target: Target,
  { port, asidePort }: { readonly port: number; readonly asidePort: number | undefined },
  open: OpenSocket,
): Promise<Line> {
  const { interface: name, address, loopback, destinations } = target;
  const opened = await open({
    address,
    port: 0,
    reuseAddr: false,
    broadcast: !isIPv6(address),
    inboxLimit,
    maxBytes: maxReplyBytes,
    onDropped: () => undefined,
  });
  const socket: DatagramSocket | null = opened.ok ? opened.socket : null;
  const replies = createReplies(socket);
  const codes = new Map<string, string | null>();
  const probe = encodeProbe();
  let asideSent = false;

  return {
    async probe() {
      if (socket === null) return;
      for (const destination of destinations) {
        codes.set(destination, await socket.send(probe, port, destination));
      }
      if (loopback || asidePort === undefined || isIPv6(address)) return;
      asideSent = (await socket.send(probe, asidePort, limitedBroadcast)) === null || asideSent;
    },
    async end({ atPort, aside }) {
      await socket?.[Symbol.asyncDispose]();
      const sent = codes.get(limitedBroadcast) === null;
      return {
        interface: name,
        address,
        loopback,
        bindError: opened.ok ? null : opened.code,
        probes: [...codes].map(([destination, code]) => ({ destination, code })),
        ownHeard: asideSent && aside !== undefined ? aside.has(address) : null,
        ownHeardAtPort: sent && !loopback && atPort !== undefined ? atPort.has(address) : null,
        answers: await replies.all(),
      };
    },
  };
}
