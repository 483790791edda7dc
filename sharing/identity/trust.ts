import { SharingError } from '#sharing/errors.js';
import type { KnownPeers } from '#sharing/identity/known.js';

/** How a client looks at the server whose key it has just seen. */
export type ServerTrust =
  | { readonly kind: 'self' }
  | { readonly kind: 'known'; readonly name: string }
  /** Usable only as an open server, as `unverified`. */
  | { readonly kind: 'stranger' };

export interface Sighting {
  /** Proven by the handshake. */
  readonly serverId: string;
  readonly ownId: string;
  /** The id that the name used stands for; undefined for a typed address. */
  readonly expectedId: string | undefined;
  /** `host:port` that was dialled. */
  readonly place: string;
}

/**
 * Judges a server by its key alone (PROTOCOL.md, "Trust"). Throws SharingError `key-changed` when
 * a name, or an open server's place, stands for another key: that is a stop, never a question.
 */
export function judgeServer(sighting: Sighting, known: KnownPeers): ServerTrust {
  const { serverId, ownId, expectedId, place } = sighting;
  if (expectedId !== undefined && expectedId !== serverId) {
    throw keyChanged(place, expectedId, serverId, known.byId(expectedId)?.name);
  }
  if (serverId === ownId) return { kind: 'self' };
  const peer = known.byId(serverId);
  if (peer) return { kind: 'known', name: peer.name };
  const pinned = known.pinned(place);
  if (pinned !== undefined && pinned !== serverId) throw keyChanged(place, pinned, serverId, place);
  return { kind: 'stranger' };
}

/** `forget` is what the user has to forget before the new key can be taken. */
function keyChanged(
  place: string,
  expected: string,
  shown: string,
  forget: string | undefined,
): SharingError {
  return new SharingError('key-changed', `${place} shows another key`, {
    place,
    expected,
    shown,
    ...(forget !== undefined && { forget }),
  });
}
