import { SharingError } from '#sharing/errors.js';
import type { ServerRules } from '#sharing/session/server.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** One client at a server, from the handshake on until it is disposed. */
export interface Visit extends Disposable {
  /** Why it may not be let in now, for there are too many. Strangers take no place from those who are known. */
  isTooMany(as: 'peer' | 'open'): SharingError | undefined;
  /**
   * It is in; a peer keeps the rights that the list of known peers gave it, or goes, and where all places are taken a
   * stranger makes room for it. False when it has left already.
   */
  letIn(as: 'owner' | 'peer' | 'open', listed: readonly Right[]): boolean;
  /** It carries the bytes of another one's transfer, and ends with that. */
  isLane(): void;
  /** What it has under way counts from now on; `onRights` hears of rights that it is given later. */
  follow(rules: Followed, onRights: (rights: readonly Right[]) => void): void;
  /** Why no further request may begin, with so many of this visit under way. */
  mayBegin(underWay: number): SharingError | undefined;
}

type Followed = Pick<ServerRules, 'work' | 'grant'>;

export interface Visitor {
  readonly connection: Connection;
  readonly clientId: string;
  /** Of its address, as addresses are counted. */
  readonly addressKey: string;
}

/** Who is at a server. */
export interface Attendance {
  enter(visitor: Visitor): Visit;
  /**
   * Sends away every peer that is no longer listed with a right it was listed with: what it has under way ends too. What
   * an open door gives, it may come back for. What it was given since it came counts from now on.
   */
  review(listed: (clientId: string) => readonly Right[]): void;
  /** True while anybody is in by the list of known peers. */
  hasPeers(): boolean;
  /** Ends the visits of those who have nothing under way. */
  closeIdle(error: SharingError): void;
  /** Ends all visits, and those of everybody who enters from now on. */
  close(error: SharingError): void;
}

export interface AttendanceLimits {
  /** In all; strangers have at most half of it. */
  readonly maxClients: number;
  /** Of those who are known and of strangers, each for themselves. */
  readonly maxClientsPerAddress: number;
  /** Requests under way of one client, in all of its visits. */
  readonly maxTransfersPerClient: number;
}

/** Requests under way of all whom only an open door let in: keys are free, so what each holds counts together. */
const maxWorkOfStrangers = 64;

interface Entry extends Visitor {
  rules: Followed | undefined;
  onRights: (rights: readonly Right[]) => void;
  as: 'owner' | 'peer' | 'open' | undefined;
  listed: readonly Right[];
  isLane: boolean;
}

export function attendance(limits: AttendanceLimits): Attendance {
  const { maxClients, maxClientsPerAddress, maxTransfersPerClient } = limits;
  const maxStrangers = Math.max(1, Math.floor(maxClients / 2));
  const here = new Set<Entry>();
  let closed: SharingError | undefined;

  function sendAway({ connection }: Visitor, error: SharingError): void {
    connection.close(error, { t: 'error', ...refusalOf(error) });
  }

  function countIn(which: (entry: Entry) => boolean): number {
    return [...here].filter((one) => one.as !== undefined && which(one)).length;
  }

  /** The one who came first of those who have nothing under way, or else of all. */
  function sendAwayStranger(): void {
    const strangers = [...here].filter(({ as }) => as === 'open');
    const one = strangers.find(({ rules }) => !rules?.work()) ?? strangers[0];
    if (!one) return;
    one.as = undefined;
    sendAway(
      one,
      new SharingError('too-many-clients', 'a machine that is known here needs the place'),
    );
  }

  function workOf(which: (entry: Entry) => boolean): number {
    return [...here].filter(which).reduce((sum, { rules }) => sum + (rules?.work() ?? 0), 0);
  }

  return {
    enter(visitor) {
      const entry: Entry = {
        ...visitor,
        rules: undefined,
        onRights: () => undefined,
        as: undefined,
        listed: [],
        isLane: false,
      };
      here.add(entry);
      if (closed) sendAway(entry, closed);
      return {
        isTooMany(as) {
          const isAlike = (one: Entry): boolean => (one.as === 'open') === (as === 'open');
          const alike = countIn(isAlike);
          if (as === 'open' && alike >= maxStrangers) {
            return tooMany(maxStrangers, ' that nobody knows here');
          }
          if ((as === 'open' ? countIn(() => true) : alike) >= maxClients) {
            return tooMany(maxClients, '');
          }
          const { addressKey } = entry;
          const beside = countIn((one) => isAlike(one) && one.addressKey === addressKey);
          return beside < maxClientsPerAddress
            ? undefined
            : tooMany(maxClientsPerAddress, ' from your address');
        },
        letIn(as, listed) {
          if (!here.has(entry) || entry.connection.signal.aborted) return false;
          entry.as = as;
          entry.listed = listed;
          if (as === 'peer' && countIn(() => true) > maxClients) sendAwayStranger();
          return true;
        },
        isLane() {
          entry.isLane = true;
          entry.as = undefined;
        },
        follow(rules, onRights) {
          entry.rules = rules;
          entry.onRights = onRights;
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
    review(listed) {
      for (const one of here) {
        if (one.as !== 'peer') continue;
        const still = listed(one.clientId);
        if (!one.listed.every((right) => still.includes(right))) {
          sendAway(one, new SharingError('no-right', 'your rights were changed'));
        } else if (still.length > one.listed.length) {
          one.listed = still;
          const rights = one.rules?.grant(still);
          if (rights) one.onRights(rights);
        }
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
