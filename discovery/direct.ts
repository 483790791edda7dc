import { isIPv6 } from 'node:net';
import { burst, burstEveryMs } from './pace.js';
import { createReplies, type Answered } from './replies.js';
import { openSocket, type DatagramSocket, type OpenSocket } from './socket.js';
import { wait } from './wait.js';
import { maxReplyBytes } from './wire/announcement.js';
import { encodeProbe } from './wire/probe.js';

export interface AskOptions {
  /** UDP, where servers listen. */
  readonly port: number;
  /** Of one family: IPv4, or IPv6, link-local with its zone. */
  readonly addresses: readonly string[];
  /** How often each is asked. */
  readonly times: number;
  /** Milliseconds to wait for replies after each time. */
  readonly listenMs: number;
  readonly signal?: AbortSignal;
}

export interface AskedDirectly {
  /** Codes of sends that failed, by address; the last one counts. */
  readonly errors: ReadonlyMap<string, string>;
  readonly answers: readonly Answered[];
}

const inboxLimit = 2048;
/**
 * What is sent to an address where nobody is waits in the system until it has given up looking for it, and fills the
 * socket: some 270 such datagrams stop it for seconds.
 */
const mostPerSocket = 128;

/**
 * Asks addresses one by one, without broadcast: what gets through to them and back when broadcasts do not. At most
 * 2000 datagrams a second; never throws because of a network.
 */
export async function askDirectly(
  { port, addresses, times, listenMs, signal = new AbortController().signal }: AskOptions,
  open: OpenSocket = openSocket,
): Promise<AskedDirectly> {
  const errors = new Map<string, string>();
  const sockets: (DatagramSocket | null)[] = [];
  for (const group of groupsOf(addresses, mostPerSocket)) {
    sockets.push(await openFor(group, open, errors));
  }
  const replies = sockets.map(createReplies);
  const probe = encodeProbe();
  const isStopped = (): boolean => signal.aborted;
  for (let time = 0; time < times && !isStopped(); time += 1) {
    for (const [index, group] of groupsOf(addresses, burst).entries()) {
      if (index > 0) await wait(burstEveryMs, signal);
      if (isStopped()) break;
      const socket = sockets[Math.floor((index * burst) / mostPerSocket)];
      for (const address of group) {
        const code = await socket?.send(probe, port, address);
        if (code) errors.set(address, code);
      }
    }
    await wait(listenMs, signal);
  }
  await Promise.all(sockets.map(async (socket) => socket?.[Symbol.asyncDispose]()));
  const answers = await Promise.all(replies.map((some) => some.all()));
  return { errors, answers: answers.flat() };
}

/** A socket for addresses of one family; null, and the code for each of them, if there is none. */
async function openFor(
  addresses: readonly string[],
  open: OpenSocket,
  errors: Map<string, string>,
): Promise<DatagramSocket | null> {
  const opened = await open({
    address: addresses.some((address) => isIPv6(address)) ? '::' : '0.0.0.0',
    port: 0,
    reuseAddr: false,
    broadcast: false,
    inboxLimit,
    maxBytes: maxReplyBytes,
    onDropped: () => undefined,
  });
  if (opened.ok) return opened.socket;
  for (const address of addresses) errors.set(address, opened.code);
  return null;
}

function groupsOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}
