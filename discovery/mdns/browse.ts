import { isIPv4 } from 'node:net';
import { readInterfaces, type InterfaceTable, type Neighbourhood } from '#discovery/addresses.js';
import type { Observe } from '#discovery/events.js';
import { sendAfterClose, type DatagramSocket, type OpenSocket } from '#discovery/socket.js';
import { targetsOf, waysTo, type Target } from '#discovery/targets.js';
import type { Hit } from './neighbour.js';
import { encodeQuery, whoIsThere, type Question } from './question.js';
import { createReading } from './reading.js';
import { maxMessageBytes, mdnsGroup, mdnsPort } from './service.js';

export interface BrowsingOptions {
  readonly interfaces: () => InterfaceTable;
  readonly neighbourhood: Neighbourhood;
  readonly observe: Observe;
  readonly open: OpenSocket;
  /** All that one source has announced so far; told again with each of its answers. */
  readonly onHits: (hits: readonly Hit[], source: string) => void;
  /** Something was left out because of a limit. */
  readonly onExcess: () => void;
}

/** Asks by mDNS who is there. Source: PROTOCOL.md, mDNS. */
export interface Browsing extends AsyncDisposable {
  /** Lists the interfaces again and asks on each; does not wait for any of them. */
  round(): void;
}

interface Asker {
  readonly socket: DatagramSocket;
  /** Not on the port of mDNS, so answers must come to it alone. */
  readonly oneShot: boolean;
}

const anyAddress = '0.0.0.0';
/** More than a network says by mDNS while one message is read. */
const inboxLimit = 1024;
const maxAskers = 32;
/** RFC 6762, section 11. */
const multicastHops = 255;

/** When to ask, in milliseconds since the start of the scan. */
export const browseTimes: readonly number[] = [0, 200, 700];

/** A failing interface is an event and stops no other one; nothing here throws because of a network. */
export function createBrowsing(options: BrowsingOptions): Browsing {
  const { observe, neighbourhood, onHits, onExcess } = options;
  // One for all sockets: who is heard by several of them has no more room for that.
  const reading = createReading({ neighbourhood, onHits, onExcess });
  const askers = new Map<string, Promise<Asker | null>>();
  let targets: readonly Target[] = [];
  let disposed = false;

  function round(): void {
    const ipv4 = targetsOf(readInterfaces(options.interfaces)).filter(
      ({ address, loopback }) => isIPv4(address) && !loopback,
    );
    targets = ipv4.slice(0, maxAskers);
    for (const { address } of targets) void ask(address, [whoIsThere]);
  }

  async function ask(local: string, questions: readonly Question[]): Promise<void> {
    const asker = await askerAt(local);
    if (asker === null) return;
    const query = encodeQuery(questions, { unicast: asker.oneShot });
    if (query === null) return;
    const code = await asker.socket.send(query, mdnsPort, mdnsGroup);
    if (code === null || code === sendAfterClose) return;
    observe({ kind: 'send-failed', role: 'mdns', destination: mdnsGroup, code, count: 1 });
  }

  function askerAt(local: string): Promise<Asker | null> {
    const existing = askers.get(local);
    if (existing !== undefined) return existing;
    const opening = disposed ? Promise.resolve(null) : open(local);
    askers.set(local, opening);
    return opening;
  }

  async function open(local: string): Promise<Asker | null> {
    const shared = await openAt(local, mdnsPort);
    const asker = shared ?? (await openAt(local, 0));
    if (asker !== null) void receive(local, asker.socket);
    // The next round tries this address again: an interface may come up late.
    else askers.delete(local);
    return asker;
  }

  /** On the port of mDNS it hears what everybody says; elsewhere only what is answered to it. */
  async function openAt(local: string, port: number): Promise<Asker | null> {
    const result = await options.open({
      address: anyAddress,
      port,
      reuseAddr: port !== 0,
      broadcast: false,
      multicastFrom: local,
      multicastHops,
      inboxLimit,
      maxBytes: maxMessageBytes,
      onDropped: onExcess,
    });
    const code = result.ok && port !== 0 ? result.socket.join(mdnsGroup, local) : null;
    if (result.ok && code === null) return { socket: result.socket, oneShot: port === 0 };
    if (result.ok) await result.socket[Symbol.asyncDispose]();
    const failure = result.ok ? (code ?? 'UNKNOWN') : result.code;
    observe({
      kind: 'socket-failed',
      role: 'mdns',
      address: local,
      code: failure,
      retryMs: port === 0 ? null : 0,
    });
    return null;
  }

  async function receive(local: string, socket: DatagramSocket): Promise<void> {
    for await (const datagram of socket.datagrams) {
      // On some systems every socket hears the multicast of all interfaces; each takes its own network's.
      if (disposed || !waysTo(datagram.address, targets).includes(local)) continue;
      await reading.take(datagram, (questions) => void ask(local, questions));
    }
    if (disposed) return;
    askers.delete(local);
    await socket[Symbol.asyncDispose]();
  }

  return {
    round,
    async [Symbol.asyncDispose]() {
      disposed = true;
      await Promise.all(
        [...askers.values()].map(async (asker) => (await asker)?.socket[Symbol.asyncDispose]()),
      );
    },
  };
}
