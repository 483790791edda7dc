import { SharingError } from '#sharing/errors.js';
import type { ServerRules } from '#sharing/session/server.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** One session of a server, from the handshake to its end. */
export interface Attendee {
  readonly connection: Connection;
  readonly clientId: string;
  /** Of its address, as addresses are counted. */
  readonly addressKey: string;
  readonly rules: ServerRules;
}

/** Who is here: all sessions of one server. */
export interface Attendance {
  enter(attendee: Attendee): void;
  leave(attendee: Attendee): void;
  /** It is let in; a peer with rights that it keeps, or goes. */
  letIn(attendee: Attendee, rights?: readonly Right[]): void;
  /** How many are in, of all or of those from one address. */
  count(addressKey?: string): number;
  /** Requests that this client has under way in its other sessions. */
  otherWork(clientId: string, except: Connection): number;
  /** Sends away every peer that lost a right it came in with: what it has under way ends too. */
  review(stillMay: (clientId: string, right: Right) => boolean): void;
  /** True while anybody is in by the list of known peers. */
  hasPeers(): boolean;
  /** Ends the sessions for which `which` holds; their clients are told why. */
  close(error: SharingError, which: (attendee: Attendee) => boolean): void;
}

export function attendance(): Attendance {
  const here = new Set<Attendee>();
  const inside = new Set<Attendee>();
  const peers = new Map<Attendee, readonly Right[]>();

  function sendAway({ connection }: Attendee, error: SharingError): void {
    connection.close(error, { t: 'error', ...refusalOf(error) });
  }

  return {
    enter: (attendee) => here.add(attendee),
    leave(attendee) {
      here.delete(attendee);
      inside.delete(attendee);
      peers.delete(attendee);
    },
    letIn(attendee, rights) {
      inside.add(attendee);
      if (rights) peers.set(attendee, rights);
    },
    count: (addressKey) =>
      addressKey === undefined
        ? inside.size
        : [...inside].filter((one) => one.addressKey === addressKey).length,
    otherWork: (clientId, except) =>
      [...here]
        .filter((one) => one.clientId === clientId && one.connection !== except)
        .reduce((sum, { rules }) => sum + rules.work(), 0),
    review(stillMay) {
      for (const [attendee, rights] of peers) {
        if (rights.every((right) => stillMay(attendee.clientId, right))) continue;
        sendAway(attendee, new SharingError('no-right', 'your rights were changed'));
      }
    },
    hasPeers: () => peers.size > 0,
    close(error, which) {
      for (const attendee of here) if (which(attendee)) sendAway(attendee, error);
    },
  };
}
