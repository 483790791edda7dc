import { addressKey } from '#sharing/transport/address.js';
import type { Socket } from 'node:net';

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
