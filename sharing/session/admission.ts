import type { ErrorCode } from '#sharing/errors.js';
import type { Right } from '#sharing/wire/message.js';

/** What a server knows of a client once the handshake is done. */
export interface Applicant {
  /** The client's id, proven by the handshake. */
  readonly id: string;
  /** It comes from loopback or one of this machine's own addresses. */
  readonly fromHere: boolean;
  /** Its address is on-link, private, link-local or loopback. */
  readonly nearby: boolean;
}

/** Whom a server lets in. */
export interface DoorPolicy {
  readonly ownId: string;
  readonly open: 'no' | 'read' | 'rw';
  /** Rights of a known peer; undefined for a stranger. */
  readonly rightsOf: (id: string) => readonly Right[] | undefined;
}

export type Admission =
  | { readonly as: 'owner' | 'peer' | 'open'; readonly rights: readonly Right[] }
  | { readonly as: 'nobody'; readonly code: ErrorCode; readonly message: string };

/**
 * Decides who comes in (PROTOCOL.md, "Admission"). The owner's key from elsewhere is refused even by an
 * open server: a copied key is a danger that the owner must hear of. A stranger whom no open door lets
 * in is the one whom pairing will ask for a code.
 */
export function admit({ id, fromHere, nearby }: Applicant, policy: DoorPolicy): Admission {
  if (id === policy.ownId) {
    if (fromHere) return { as: 'owner', rights: ['read', 'write', 'replace'] };
    return {
      as: 'nobody',
      code: 'own-key-elsewhere',
      message: 'this key is in use on another machine',
    };
  }
  const own = policy.rightsOf(id) ?? [];
  const everybody = nearby ? openRights[policy.open] : [];
  // A peer never has less than a stranger at the same door.
  if (own.length > 0) return { as: 'peer', rights: [...new Set([...own, ...everybody])] };
  if (everybody.length > 0) return { as: 'open', rights: everybody };
  return { as: 'nobody', code: 'not-known', message: 'this server does not know you' };
}

/** What everybody near may do. */
export const openRights: Readonly<Record<DoorPolicy['open'], readonly Right[]>> = {
  no: [],
  read: ['read'],
  rw: ['read', 'write'],
};
