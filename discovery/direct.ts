import { isIPv6 } from 'node:net';
import { createReplies, type Answered } from './replies.js';
import { openSocket, type OpenSocket } from './socket.js';
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

const burst = 16;
const burstEveryMs = 8;
const inboxLimit = 2048;

/**
 * Asks addresses one by one, without broadcast: what gets through to them and back when broadcasts do not. At most
 * 2000 datagrams a second; never throws because of a network.
 */
export async function askDirectly(
  { port, addresses, times, listenMs, signal = new AbortController().signal }: AskOptions,
  open: OpenSocket = openSocket,
): Promise<AskedDirectly> {
  const errors = new Map<string, string>();
  const opened = await open({
    address: addresses.some((address) => isIPv6(address)) ? '::' : '0.0.0.0',
    port: 0,
    reuseAddr: false,
    broadcast: false,
    inboxLimit,
    maxBytes: maxReplyBytes,
    onDropped: () => undefined,
  });
  if (!opened.ok) {
    for (const address of addresses) errors.set(address, opened.code);
    return { errors, answers: [] };
  }
  const { socket } = opened;
  const replies = createReplies(socket);
  const probe = encodeProbe();
  const isStopped = (): boolean => signal.aborted;
  for (let time = 0; time < times && !isStopped(); time += 1) {
    for (let at = 0; at < addresses.length && !isStopped(); at += burst) {
      if (at > 0) await wait(burstEveryMs, signal);
      for (const address of addresses.slice(at, at + burst)) {
        const code = await socket.send(probe, port, address);
        if (code !== null) errors.set(address, code);
      }
    }
    await wait(listenMs, signal);
  }
  await socket[Symbol.asyncDispose]();
  return { errors, answers: await replies.all() };
}
