import { neighbourhoodOf, type InterfaceTable } from './addresses.js';
import { createReplies, type Answered } from './replies.js';
import { openSocket, type OpenSocket } from './socket.js';
import { wait } from './wait.js';
import { maxReplyBytes } from './wire/announcement.js';
import { encodeProbe } from './wire/probe.js';

export interface AskOptions {
  /** UDP, where servers listen. */
  readonly port: number;
  /** IPv4. */
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
    address: '0.0.0.0',
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

/** The smallest network that is asked whole has this prefix: 254 addresses. */
const shortestPrefix = 24;

/**
 * Pure: the other addresses of our own private networks of /24 or smaller, of at most `most` of them; asking each
 * shows who is there at all, as the system then looks up every one.
 */
export function neighboursOf(table: InterfaceTable, most: number): readonly string[] {
  const { isOwnAddress } = neighbourhoodOf(table);
  const isPrivate = neighbourhoodOf({}).isNearby;
  const networks = new Map<string, readonly string[]>();
  for (const info of Object.values(table).flatMap((infos) => infos ?? [])) {
    if (info.family !== 'IPv4' || info.internal || info.cidr === null) continue;
    const prefix = Number(info.cidr.split('/')[1]);
    if (!(prefix >= shortestPrefix && prefix <= 30) || !isPrivate(info.address)) continue;
    const size = 2 ** (32 - prefix);
    const first = Math.floor(numberOf(info.address) / size) * size;
    const hosts = Array.from({ length: size - 2 }, (_, n) => textOf(first + 1 + n));
    networks.set(`${first}/${prefix}`, hosts);
  }
  return [...networks.values()]
    .slice(0, most)
    .flat()
    .filter((address) => !isOwnAddress(address));
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}
