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

/** What a server is there for: to share, only to be read, or only to take what each peer brings. */
export type ServingMode = 'share' | 'read-only' | 'inbox';

/** Whom a server lets in. */
export interface DoorPolicy {
  readonly ownId: string;
  readonly mode: ServingMode;
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
    if (fromHere) return { as: 'owner', rights: within(policy.mode, 'owner', ownerRights) };
    return {
      as: 'nobody',
      code: 'own-key-elsewhere',
      message: 'this key is in use on another machine',
    };
  }
  const own = policy.rightsOf(id) ?? [];
  const everybody = nearby ? openRights[policy.open] : [];
  // A peer never has less than a stranger at the same door.
  const [as, all] =
    own.length > 0 ? (['peer', [...own, ...everybody]] as const) : (['open', everybody] as const);
  if (all.length === 0) {
    return { as: 'nobody', code: 'not-known', message: 'this server does not know you' };
  }
  const rights = within(policy.mode, as, [...new Set(all)]);
  if (rights.length > 0) return { as, rights };
  return { as: 'nobody', code: 'no-right', message: modeWords[policy.mode] };
}

const ownerRights: readonly Right[] = ['read', 'write', 'replace'];

/** What is left of `rights` at a server in that mode; an inbox belongs to its owner. */
export function within(
  mode: ServingMode,
  as: 'owner' | 'peer' | 'open',
  rights: readonly Right[],
): readonly Right[] {
  if (mode === 'share' || (mode === 'inbox' && as === 'owner')) return rights;
  const only = mode === 'inbox' ? 'write' : 'read';
  return rights.filter((right) => right === only);
}

/** Why a server in that mode refuses something. */
export const modeWords: Readonly<Record<ServingMode, string>> = {
  share: '',
  'read-only': 'this server is only there to be read',
  inbox: 'this server only takes files',
};

/** What everybody near may do. */
const openRights: Readonly<Record<DoorPolicy['open'], readonly Right[]>> = {
  no: [],
  read: ['read'],
  rw: ['read', 'write'],
};
