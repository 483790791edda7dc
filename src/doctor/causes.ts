import type { Answered } from '#discovery/examine.js';
import type { Manager, Stopped } from './firewall/firewalls.js';
import type { ServerFacts } from './facts.js';
import type { PortFacts } from './ports.js';

/**
 * What may be wrong, from what leaves nothing possible to what is only worth knowing; the order is that of the
 * answers.
 */
export type Cause =
  | { readonly code: 'no-interface' }
  | { readonly code: 'interface-down'; readonly names: readonly string[] }
  | { readonly code: 'no-carrier'; readonly names: readonly string[]; readonly wireless: boolean }
  | { readonly code: 'no-address'; readonly names: readonly string[] }
  | { readonly code: 'only-loopback' }
  | { readonly code: 'local-network' }
  | {
      readonly code: 'firewall-out';
      readonly stopped: readonly Stopped[];
      readonly manager: Manager | null;
    }
  | {
      readonly code: 'firewall-replies' | 'firewall-in';
      readonly stopped: readonly Stopped[];
      readonly manager: Manager | null;
      /** Interfaces on which not even the own broadcast is heard; of `firewall-in` at the discovery port. */
      readonly unheard: readonly string[];
    }
  | { readonly code: 'send-failed'; readonly errors: readonly SendError[] }
  | { readonly code: PortCode; readonly port: PortFacts }
  | {
      readonly code: 'wrong-mask';
      readonly own: readonly string[];
      readonly others: readonly string[];
    }
  | { readonly code: 'broadcast-lost'; readonly servers: readonly Answered[] }
  | { readonly code: ServerCode; readonly server: ServerFacts }
  | { readonly code: 'silent-servers'; readonly addresses: readonly string[] }
  | { readonly code: 'wsl' }
  | { readonly code: 'kept-apart'; readonly silent: readonly string[] }
  | { readonly code: 'no-server'; readonly machines: number | null }
  | { readonly code: 'container' }
  | { readonly code: 'firewall-depends'; readonly stopped: readonly Stopped[] }
  | { readonly code: 'firewall-unread'; readonly programs: readonly string[] }
  | { readonly code: 'firewall-hint' }
  | { readonly code: 'sudo'; readonly user: string }
  | { readonly code: 'vpn'; readonly name: string }
  | { readonly code: 'no-default-route' }
  | { readonly code: 'fine'; readonly servers: number };

export type CauseCode = Cause['code'];

export interface SendError {
  readonly address: string;
  readonly code: string;
}

/** About a port of this machine; `port-refused`: this user may not have it. */
export type PortCode = 'port-taken' | 'port-shared' | 'port-refused' | 'tcp-taken';

/** About the server that was named. */
export type ServerCode =
  | 'server-unknown'
  | 'server-no-route'
  | 'server-gone'
  | 'server-refused'
  | 'server-silent'
  | 'server-other'
  | 'server-udp-only'
  | 'server-tcp-only'
  | 'server-fine';

/** `blocks`: it explains what is wrong; `may`: it can; `note`: it does not matter now. */
export type Weight = 'blocks' | 'may' | 'note';

export const causeOrder = [
  'no-interface',
  'interface-down',
  'no-carrier',
  'no-address',
  'only-loopback',
  'local-network',
  'firewall-out',
  'firewall-replies',
  'send-failed',
  'port-taken',
  'port-refused',
  'firewall-in',
  'wrong-mask',
  'server-unknown',
  'server-no-route',
  'server-gone',
  'server-refused',
  'server-silent',
  'server-other',
  'server-udp-only',
  'server-tcp-only',
  'silent-servers',
  'broadcast-lost',
  'wsl',
  'kept-apart',
  'no-server',
  'port-shared',
  'container',
  'firewall-depends',
  'firewall-unread',
  'firewall-hint',
  'sudo',
  'server-fine',
  'fine',
  'tcp-taken',
  'vpn',
  'no-default-route',
] as const satisfies readonly CauseCode[];
