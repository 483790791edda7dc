import { SharingError } from '#sharing/errors.js';
import type { ServerRules } from '#sharing/session/server.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** One client at a server, from the handshake on until it is disposed. */
export interface Visit extends Disposable {
  /** Why it may not be let in now, for there are too many. */
  isTooMany(): SharingError | undefined;
  /** It is in; a peer with rights that it keeps, or goes. False when it has left already. */
  letIn(as: 'owner' | 'peer' | 'open', rights: readonly Right[]): boolean;
  /** It carries the bytes of another one's transfer, and ends with that. */
  isLane(): void;
  /** What it has under way counts from now on. */
  follow(rules: ServerRules): void;
  /** Why no further request may begin, with so many of this visit under way. */
  mayBegin(underWay: number): SharingError | undefined;
}

export interface Visitor {
  readonly connection: Connection;
  readonly clientId: string;
  /** Of its address, as addresses are counted. */
  readonly addressKey: string;
}

/** Who is at a server. */
export interface Attendance {
  enter(visitor: Visitor): Visit;
  /** Sends away every peer that lost a right it came in with: what it has under way ends too. */
  review(stillMay: (clientId: string, right: Right) => boolean): void;
  /** True while anybody is in by the list of known peers. */
  hasPeers(): boolean;
  /** Ends the visits of those who have nothing under way. */
  closeIdle(error: SharingError): void;
  /** Ends all visits, and those of everybody who enters from now on. */
  close(error: SharingError): void;
}

export interface AttendanceLimits {
  readonly maxClients: number;
  readonly maxClientsPerAddress: number;
  /** Requests under way of one client, in all of its visits. */
  readonly maxTransfersPerClient: number;
}

/** Requests under way of all whom only an open door let in: keys are free, so what each holds counts together. */
const maxWorkOfStrangers = 64;

interface Entry extends Visitor {
  rules: ServerRules | undefined;
  as: 'owner' | 'peer' | 'open' | undefined;
  rights: readonly Right[];
  isLane: boolean;
}

export function attendance(limits: AttendanceLimits): Attendance {
  const { maxClients, maxClientsPerAddress, maxTransfersPerClient } = limits;
  const here = new Set<Entry>();
  let closed: SharingError | undefined;

  function sendAway({ connection }: Visitor, error: SharingError): void {
    connection.close(error, { t: 'error', ...refusalOf(error) });
  }

  function countIn(addressKey?: string): number {
    const counts = (one: Entry): boolean =>
      one.as !== undefined && (addressKey === undefined || one.addressKey === addressKey);
    return [...here].filter(counts).length;
  }

  function workOf(which: (entry: Entry) => boolean): number {
    return [...here].filter(which).reduce((sum, { rules }) => sum + (rules?.work() ?? 0), 0);
  }

  return {
    enter(visitor) {
      const entry: Entry = {
        ...visitor,
        rules: undefined,
        as: undefined,
        rights: [],
        isLane: false,
      };
      here.add(entry);
      if (closed) sendAway(entry, closed);
      return {
        isTooMany() {
          if (countIn() >= maxClients) return tooMany(maxClients, '');
          const sameAddress = countIn(entry.addressKey) >= maxClientsPerAddress;
          return sameAddress ? tooMany(maxClientsPerAddress, ' from your address') : undefined;
        },
        letIn(as, rights) {
          if (!here.has(entry) || entry.connection.signal.aborted) return false;
          entry.as = as;
          entry.rights = rights;
          return true;
        },
        isLane() {
          entry.isLane = true;
          entry.as = undefined;
        },
        follow(rules) {
          entry.rules = rules;
        },
        mayBegin(underWay) {
          const others = workOf((one) => one !== entry && one.clientId === entry.clientId);
          if (underWay + others >= maxTransfersPerClient) {
            return tooMuch(`${maxTransfersPerClient} requests at once are allowed`);
          }
          if (entry.as !== 'open' || workOf(({ as }) => as === 'open') < maxWorkOfStrangers) {
            return undefined;
          }
          return tooMuch('the machines that nobody knows here are too busy');
        },
        [Symbol.dispose]: () => {
          here.delete(entry);
        },
      };
    },
    review(stillMay) {
      for (const one of here) {
        if (one.as !== 'peer') continue;
        if (one.rights.every((right) => stillMay(one.clientId, right))) continue;
        sendAway(one, new SharingError('no-right', 'your rights were changed'));
      }
    },
    hasPeers: () => [...here].some(({ as }) => as === 'peer'),
    closeIdle(error) {
      for (const one of here) if (!one.isLane && !one.rules?.work()) sendAway(one, error);
    },
    close(error) {
      closed ??= error;
      for (const one of here) sendAway(one, error);
    },
  };
}

function tooMany(limit: number, whose: string): SharingError {
  return new SharingError('too-many-clients', `${limit} clients${whose} are served at once`);
}

function tooMuch(message: string): SharingError {
  return new SharingError('too-many-transfers', message);
}
