import { isIP, isIPv6 } from 'node:net';
import { isLinkLocal, readInterfaces, type InterfaceTable } from './addresses.js';
import type { Observe, Tally } from './events.js';
import { linksLaterMs } from './pace.js';
import { sendAfterClose, type Datagram, type DatagramSocket, type OpenSocket } from './socket.js';
import { createCounter } from './tally.js';
import { targetsOf, waysTo, type Target } from './targets.js';
import { maxReplyBytes } from './wire/announcement.js';
import { encodeProbe } from './wire/probe.js';

export interface ProbingOptions {
  readonly port: number;
  /** Probed directly: IPv4, or IPv6, link-local with its zone; names are passed over. */
  readonly known: readonly string[];
  readonly interfaces: () => InterfaceTable;
  readonly observe: Observe;
  readonly now: () => number;
  readonly open: OpenSocket;
  /** So many answered over IPv4 that asking them over IPv6 too would only fill the network. */
  readonly isCrowded: () => boolean;
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

/** One socket per local address, and one per family for what is in no network of ours. */
export interface Probing extends AsyncDisposable {
  /** Lists the interfaces again and probes from each, IPv6 a little later; does not wait for any of them. */
  round(): void;
  /**
   * Probes these addresses directly, each from the socket of its network or link, and resolves when the probes have
   * been handed over. Never throws; the answers come as all others do.
   */
  ask(destinations: readonly Destination[]): Promise<void>;
  counts(): ProbingCounts;
}

/** Where a probe goes. */
export interface Destination {
  /** IPv4 or IPv6, link-local with its zone. */
  readonly address: string;
  /** UDP. */
  readonly port: number;
}

const maxKnown = 32;

/** Let the system choose the way, which may lead through a router. */
const anyAddress = { ipv4: '0.0.0.0', ipv6: '::' };
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
  let targets: readonly Target[] = [];
  let later: NodeJS.Timeout | undefined;
  let loopback = false;
  let opened = 0;
  let probes = 0;
  let disposed = false;

  function round(): void {
    targets = targetsOf(readInterfaces(options.interfaces));
    // First, and by whatever way the system knows: this crosses routers, which no broadcast does.
    void askFrom(anyFor, known);
    for (const target of targets) {
      if (target.loopback) loopback = true;
      else seen.add(target.interface);
      if (!isIPv6(target.address)) probeAround(target);
    }
    const links = targets.filter(({ address }) => isIPv6(address));
    if (links.length === 0 || disposed) return;
    later = setTimeout(() => {
      if (!options.isCrowded()) links.forEach(probeAround);
    }, linksLaterMs);
  }

  function probeAround({ address: local, destinations }: Target): void {
    const { port } = options;
    void probeFrom(
      local,
      destinations.map((address) => ({ address, port })),
    );
  }

  function ask(destinations: readonly Destination[]): Promise<void> {
    // Of several ways the system takes the one that it prefers, whichever of the addresses is asked from.
    return askFrom((address) => waysTo(address, targets)[0] ?? anyFor(address), destinations);
  }

  async function askFrom(
    way: (address: string) => string,
    destinations: readonly Destination[],
  ): Promise<void> {
    const byLocal = new Map<string, Destination[]>();
    for (const to of destinations) {
      const local = way(to.address);
      byLocal.set(local, [...(byLocal.get(local) ?? []), to]);
    }
    await Promise.all([...byLocal].map(([local, some]) => probeFrom(local, some)));
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
      broadcast: !isIPv6(local) && local !== anyAddress.ipv4,
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
    ask,
    counts: () => ({
      probes,
      sockets: opened,
      sendErrors: sendErrors.totals(),
      interfaces: [...seen].sort(),
      loopback,
    }),
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(later);
      await Promise.all(
        [...sockets.values()].map(async (socket) => (await socket)?.[Symbol.asyncDispose]()),
      );
    },
  };
}

function anyFor(address: string): string {
  return isIPv6(address) ? anyAddress.ipv6 : anyAddress.ipv4;
}

/** A link-local address means nothing without its link. */
function lacksZone(address: string): boolean {
  return isIPv6(address) && isLinkLocal(address) && !address.includes('%');
}

function knownDestinations(known: readonly string[], port: number): readonly Destination[] {
  const addresses = known.filter((address) => isIP(address) !== 0 && !lacksZone(address));
  return [...new Set(addresses)].slice(0, maxKnown).map((address) => ({ address, port }));
}
