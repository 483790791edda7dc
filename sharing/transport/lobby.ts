import { addressKey } from '#sharing/transport/address.js';
import { bucket, type Bucket, type Rate } from '#sharing/transport/bucket.js';
import type { Socket } from 'node:net';

/** Bounds of the lobby. */
export interface LobbyLimits {
  /** Connections that may wait in it. */
  readonly maxStrangers: number;
  /** New connections from one address (IPv6: one /64), and in all. */
  readonly perAddress: Rate;
  readonly inAll: Rate;
}

export type ShutOut = 'too-many-strangers' | 'too-fast';

/**
 * Where connections wait until they are let in: before the handshake, while they are judged, while they pair. It
 * is small, so that nobody holds much of a server by doing nothing; when it is full, who has had some
 * time makes room for who has just come, at the address with the most first.
 */
export interface Lobby {
  /** Takes a connection in until it closes; a reason when it has to go at once. */
  enter(socket: Socket): ShutOut | undefined;
  /** It is let in, and waits no longer. */
  leave(socket: Socket): void;
}

/** Milliseconds that everybody may stay in a full lobby: many times a handshake. */
const leastStay = 250;
/** Addresses whose rate is remembered, at most. */
const maxAddresses = 1024;

/** `now` is in milliseconds; `evict` is told who has to make room. */
export function openLobby(
  limits: LobbyLimits,
  now: () => number,
  evict: (socket: Socket) => void,
): Lobby {
  /** In the order in which they came. */
  const waiting = new Map<Socket, { readonly key: string; readonly since: number }>();
  const rates = new Map<string, Bucket>();
  const all = bucket(limits.inAll, now);

  function rateOf(key: string): Bucket {
    const rate = rates.get(key) ?? bucket(limits.perAddress, now);
    rates.delete(key);
    rates.set(key, rate);
    const [oldest] = rates.keys();
    if (rates.size > maxAddresses && oldest !== undefined) rates.delete(oldest);
    return rate;
  }

  function mostCrowded(): string | undefined {
    const counts = new Map<string, number>();
    for (const { key } of waiting.values()) counts.set(key, (counts.get(key) ?? 0) + 1);
    return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
  }

  function makeRoom(): boolean {
    const crowded = mostCrowded();
    for (const [socket, { key, since }] of waiting) {
      if (key !== crowded) continue;
      if (now() - since < leastStay) return false;
      waiting.delete(socket);
      evict(socket);
      return true;
    }
    return false;
  }

  return {
    enter(socket) {
      const key = addressKey(socket.remoteAddress ?? '');
      if (!rateOf(key).take() || !all.take()) return 'too-fast';
      if (waiting.size >= limits.maxStrangers && !makeRoom()) return 'too-many-strangers';
      waiting.set(socket, { key, since: now() });
      socket.once('close', () => waiting.delete(socket));
      return undefined;
    },
    leave: (socket) => {
      waiting.delete(socket);
    },
  };
}
