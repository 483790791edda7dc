import { isIPv4 } from 'node:net';
import { readInterfaces, type InterfaceTable } from './addresses.js';
import type { Observe, Tally } from './events.js';
import { sendAfterClose, type Datagram, type DatagramSocket, type OpenSocket } from './socket.js';
import { createCounter } from './tally.js';
import { targetsOf } from './targets.js';
import { maxReplyBytes } from './wire/announcement.js';
import { encodeProbe } from './wire/probe.js';

/** A server known from earlier, probed directly. */
export interface KnownAddress {
  /** IPv4; others are passed over. */
  readonly address: string;
  /** UDP; the scan's own port when not given. */
  readonly port?: number;
}

export interface ProbingOptions {
  readonly port: number;
  readonly known: readonly KnownAddress[];
  readonly interfaces: () => InterfaceTable;
  readonly observe: Observe;
  readonly now: () => number;
  readonly open: OpenSocket;
  readonly onDatagram: (datagram: Datagram) => void;
  readonly onDropped: (reason: 'too-long' | 'inbox-full') => void;
}

export interface ProbingCounts {
  readonly probes: number;
  readonly sockets: number;
  readonly sendErrors: Tally;
  readonly interfaces: readonly string[];
  readonly loopback: boolean;
}

/** One socket per local address, and one for all known servers. */
export interface Probing extends AsyncDisposable {
  /** Lists the interfaces again and probes from each; does not wait for any of them. */
  round(): void;
  counts(): ProbingCounts;
}

interface Destination {
  readonly address: string;
  readonly port: number;
}

export const maxKnown = 32;

/** Lets the system choose the way, which may lead through a router. */
const anyAddress = '0.0.0.0';
const inboxLimit = 8192;

/** Sends the probes of one scan. A failing address is an event and stops no other one. */
export function createProbing(options: ProbingOptions): Probing {
  const { observe, now } = options;
  const probe = encodeProbe();
  const sockets = new Map<string, Promise<DatagramSocket | null>>();
  const sendErrors = createCounter<string>(Number.POSITIVE_INFINITY, now);
  const sendErrorsByAddress = createCounter<string>(Number.POSITIVE_INFINITY, now);
  const seen = new Set<string>();
  const known = knownDestinations(options.known, options.port);
  let loopback = false;
  let opened = 0;
  let probes = 0;
  let disposed = false;

  function round(): void {
    for (const target of targetsOf(readInterfaces(options.interfaces))) {
      if (target.loopback) loopback = true;
      else seen.add(target.interface);
      const { port } = options;
      void probeFrom(
        target.address,
        target.destinations.map((address) => ({ address, port })),
      );
    }
    if (known.length > 0) void probeFrom(anyAddress, known);
  }

  async function probeFrom(local: string, destinations: readonly Destination[]): Promise<void> {
    const socket = await socketAt(local);
    if (socket === null) return;
    // One after the other: sends queued together can fail together because of a single bad one.
    for (const { address, port } of destinations) {
      const code = await socket.send(probe, port, address);
      if (code === null) probes += 1;
      else if (code !== sendAfterClose) noteSendError(local, address, code);
    }
  }

  function noteSendError(local: string, destination: string, code: string): void {
    sendErrors.count(code);
    const count = sendErrorsByAddress.count(`${local} ${code}`);
    if (count === null) return;
    observe({ kind: 'send-failed', role: 'scanner', destination, code, count });
  }

  function socketAt(local: string): Promise<DatagramSocket | null> {
    const existing = sockets.get(local);
    if (existing !== undefined) return existing;
    const opening = disposed ? Promise.resolve(null) : openAt(local);
    sockets.set(local, opening);
    return opening;
  }

  async function openAt(local: string): Promise<DatagramSocket | null> {
    const result = await options.open({
      address: local,
      port: 0,
      reuseAddr: false,
      broadcast: local !== anyAddress,
      inboxLimit,
      maxBytes: maxReplyBytes,
      onDropped: options.onDropped,
    });
    if (!result.ok) {
      forget(local, result.code);
      return null;
    }
    opened += 1;
    void receive(local, result.socket);
    return result.socket;
  }

  async function receive(local: string, socket: DatagramSocket): Promise<void> {
    for await (const datagram of socket.datagrams) {
      if (!disposed) options.onDatagram(datagram);
    }
    const code = socket.failure();
    if (code === null || disposed) return;
    forget(local, code);
    await socket[Symbol.asyncDispose]();
  }

  /** The next round tries this address with a new socket. */
  function forget(local: string, code: string): void {
    sockets.delete(local);
    observe({ kind: 'socket-failed', role: 'scanner', address: local, code, retryMs: null });
  }

  return {
    round,
    counts: () => ({
      probes,
      sockets: opened,
      sendErrors: sendErrors.totals(),
      interfaces: [...seen].sort(),
      loopback,
    }),
    async [Symbol.asyncDispose]() {
      disposed = true;
      for (const socket of await Promise.all(sockets.values())) {
        await socket?.[Symbol.asyncDispose]();
      }
    },
  };
}

function knownDestinations(known: readonly KnownAddress[], port: number): readonly Destination[] {
  const destinations = known
    .filter(({ address }) => isIPv4(address))
    .map((server) => ({ address: server.address, port: server.port ?? port }));
  const unique = new Map(destinations.map((to) => [`${to.address} ${to.port}`, to]));
  return [...unique.values()].slice(0, maxKnown);
}
