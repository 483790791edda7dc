import { unmapped } from '#sharing/transport/channel.js';
import { isIPv6, type Socket } from 'node:net';

/** Why somebody may not come in. */
export type Crowded = 'too-many-clients' | 'too-many-from-address';

/**
 * `in`: welcome so far. `tell`: one too many, but few enough to be told so once the channel is there. `shut`:
 * far too many to be told anything.
 */
export type Entry =
  { readonly way: 'in' } | { readonly way: 'tell' | 'shut'; readonly why: Crowded };

/** Counts connections in all and per address, before anybody has said who it is. */
export interface Crowd {
  /** Counts the socket until it closes, unless it is shut out. */
  enter(socket: Socket): Entry;
}

/** How many above a limit are told of it, in all and per address. */
const told = { inAll: 32, perAddress: 4 };

export function crowdLimit(maxConnections: number, maxPerAddress: number): Crowd {
  const perAddress = new Map<string, number>();
  let all = 0;

  return {
    enter(socket) {
      const key = addressKey(socket.remoteAddress ?? '');
      const count = perAddress.get(key) ?? 0;
      if (all >= maxConnections + told.inAll) return { way: 'shut', why: 'too-many-clients' };
      if (count >= maxPerAddress + told.perAddress) {
        return { way: 'shut', why: 'too-many-from-address' };
      }
      all += 1;
      perAddress.set(key, count + 1);
      socket.once('close', () => {
        all -= 1;
        const left = (perAddress.get(key) ?? 1) - 1;
        if (left > 0) perAddress.set(key, left);
        else perAddress.delete(key);
      });
      if (all > maxConnections) return { way: 'tell', why: 'too-many-clients' };
      return count >= maxPerAddress ? { way: 'tell', why: 'too-many-from-address' } : { way: 'in' };
    },
  };
}

/** What counts as one address: an IPv4 address, or an IPv6 /64, which one household has whole. */
export function addressKey(address: string): string {
  const plain = unmapped(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => parseInt(group, 16))
    .join(':');
}
