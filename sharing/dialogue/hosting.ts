import { answer } from '#sharing/dialogue/answering.js';
import { attendance, type AttendanceLimits, type Visit } from '#sharing/dialogue/attendance.js';
import { laneTokens } from '#sharing/dialogue/lanes.js';
import type { Ledger } from '#sharing/dialogue/ledger.js';
import type { PairingDesk } from '#sharing/dialogue/pairing.js';
import { tellStatus } from '#sharing/dialogue/status.js';
import { transferTable } from '#sharing/dialogue/transfers.js';
import { errnoOf, SharingError, type ErrorCode } from '#sharing/errors.js';
import type { Observe } from '#sharing/events.js';
import type { Device } from '#sharing/identity/device.js';
import { readKnownPeers } from '#sharing/identity/known.js';
import {
  admit,
  type Admission,
  type DoorPolicy,
  type ServingMode,
} from '#sharing/session/admission.js';
import { serverRules } from '#sharing/session/server.js';
import { lazyArea, type LazyArea } from '#sharing/storage/area.js';
import { inboxName, openInbox } from '#sharing/storage/inbox.js';
import type { Room, SharedRoom, SharedRoomLimits } from '#sharing/storage/room.js';
import type { Share } from '#sharing/storage/share.js';
import { addressKey } from '#sharing/transport/address.js';
import type { Rate } from '#sharing/transport/bucket.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import type { Guest } from '#sharing/transport/listen.js';
import type { Right } from '#sharing/wire/message.js';
import { setTimeout as delay } from 'node:timers/promises';

/** What bounds the sessions of a server; milliseconds. */
export interface SessionLimits extends AttendanceLimits {
  readonly heartbeat: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
  readonly helloTime: number;
  readonly pairingTime: number;
  /** Control messages of one client; what comes faster waits. */
  readonly messages: Rate;
}

export interface HostingOptions {
  readonly device: Device;
  readonly name: string;
  readonly open: 'no' | 'read' | 'rw';
  readonly mode: ServingMode;
  readonly receivedPrefix: string;
  readonly limits: SessionLimits & SharedRoomLimits;
  /** Loopback and this machine's own addresses. */
  readonly isOwnAddress: (address: string) => boolean;
  /** On-link, private, link-local and loopback addresses. */
  readonly isNearby: (address: string) => boolean;
  /** The owner asks from a client to stop; whoever started the server does it. */
  readonly onShutdown?: () => void;
  readonly observe: Observe;
}

/** All sessions of one server. */
export interface House extends AsyncDisposable {
  /** Somebody has come; how it goes is an event. */
  readonly receive: (guest: Guest) => void;
  /** Sends away who has nothing under way, the others when they are done; resolves after 10 s in any case. */
  windDown(): Promise<void>;
}

/** Milliseconds between two looks at the rights of those who are in. */
const reviewTime = 500;
/** Milliseconds that transfers under way get when the server is stopped by its owner. */
const windDownTime = 10_000;
const shuttingDown = new SharingError('shutting-down', 'the server is shutting down');

type Welcomed = 'owner' | 'peer' | 'open';

interface Judged {
  readonly admission: Admission;
  /** The name by which we know a peer. */
  readonly known: string | undefined;
  /** The rights that it has for itself, whatever the door gives to all. */
  readonly listed: readonly Right[];
}

export function openHouse(
  options: HostingOptions,
  share: Share,
  room: SharedRoom,
  desk: PairingDesk,
  ledger: Ledger,
): House {
  const { device, limits, mode, observe } = options;
  const here = attendance(limits);
  const lanes = laneTokens();
  const sessions = new Set<Promise<unknown>>();
  let count = 0;

  async function host(connection: Connection, guest: Guest): Promise<void> {
    const { clientId, address } = guest;
    const key = addressKey(address);
    // From the first moment on, so that nobody is overlooked when the server ends.
    using visit = here.enter({ connection, clientId, addressKey: key });
    const { admission, listed, ...judged } = await judge(guest, visit);
    let { known } = judged;
    count += 1;
    const session = count;
    let welcomed: Welcomed | undefined;
    const kind = { isLane: false };
    const nameOf = (): string => known ?? rules.clientName();
    const letIn = (as: Welcomed, rights: readonly Right[], own: readonly Right[]): void => {
      if (!visit.letIn(as, own)) return;
      welcomed = as;
      guest.letIn();
      const who = { id: clientId, name: nameOf(), as, rights };
      observe({ event: 'client-in', session, address, ...who });
    };
    // Not before its hello: it may be no client but a lane.
    const onWelcome = (): SharingError | undefined => {
      if (welcomed || admission.as === 'nobody') return undefined;
      const refusal = admission.as === 'owner' ? undefined : visit.isTooMany(admission.as);
      if (!refusal) letIn(admission.as, admission.rights, listed);
      return refusal;
    };
    const rules = serverRules({
      name: options.name,
      admission,
      mode,
      pairs: hasCode(),
      mayBegin: (underWay) => visit.mayBegin(underWay),
    });
    visit.follow(rules, (rights) => {
      observe({ event: 'client-rights', session, name: nameOf(), rights });
    });
    const end = await answer({
      connection,
      rules,
      transfers: transferTable(),
      lanes,
      onWelcome,
      onLane() {
        kind.isLane = true;
        visit.isLane();
      },
      onJoined: () => {
        guest.letIn();
      },
      share,
      landingArea: () => landingFor(clientId, welcomed),
      room: () => roomFor(clientId, welcomed),
      clientId,
      session,
      receivedPrefix: options.receivedPrefix,
      helloTime: limits.helloTime,
      pairingTime: limits.pairingTime,
      desk,
      onPaired(peer) {
        const now = doorFor(guest, () => peer.rights);
        const rights = now.as === 'nobody' ? [] : now.rights;
        known = peer.name;
        letIn('peer', rights, peer.rights);
        return rights;
      },
      channel: { exporter: guest.exporter, clientId, serverId: device.id },
      address: key,
      stallTime: limits.stallTimeout,
      track: (direction, path, size) => ledger.begin(session, direction, path, size),
      onStatus: (id) => tellStatus({ connection, ledger, share, limits, session }, id),
      onShutdown: () => options.onShutdown?.(),
      observe,
    });
    if (kind.isLane) return;
    const { code, message } = end ?? ({ code: 'bye', message: '' } as const);
    const who = { address, id: clientId };
    if (welcomed) observe({ event: 'client-out', session, name: nameOf(), code, message });
    else if (code === 'bye') observe({ event: 'client-asked', ...who });
    else if (code === 'connection-lost') observe({ event: 'client-gone', ...who });
    else observe({ event: 'client-refused', ...who, code, message });
  }

  function hasCode(): boolean {
    return desk.window.code() !== undefined;
  }

  /** Who may come in, or may pair, may do so only while there is a place; the owner has one always. */
  async function judge(guest: Guest, visit: Visit): Promise<Judged> {
    const judged = await admissionOf(guest);
    const { admission } = judged;
    const mayPair = admission.as === 'nobody' && admission.code === 'not-known' && hasCode();
    if (admission.as === 'owner' || (admission.as === 'nobody' && !mayPair)) return judged;
    // A stranger may still turn out to pair; at its welcome it is judged as what it is.
    const as = admission.as === 'open' && !hasCode() ? 'open' : 'peer';
    const refusal = visit.isTooMany(as);
    return refusal ? sentAway(refusal.code, refusal.message) : judged;
  }

  function doorFor({ clientId, address }: Guest, rightsOf: DoorPolicy['rightsOf']): Admission {
    const { isOwnAddress, isNearby, open } = options;
    return admit(
      { id: clientId, fromHere: isOwnAddress(address), nearby: isNearby(address) },
      { ownId: device.id, mode, open, rightsOf },
    );
  }

  async function admissionOf(guest: Guest): Promise<Judged> {
    const known = await readKnownPeers(device.stateFolder).catch((error: unknown) => {
      if (isShortage(error)) return 'later';
      observe({ event: 'fault', where: 'known peers', error: asError(error) });
      return undefined;
    });
    // Nobody can be told from a stranger now; that passes, and is tried again.
    const busy = 'the server cannot look up who is known just now';
    if (known === 'later') return sentAway('too-many-clients', busy);
    if (!known) return sentAway('internal', '');
    const admission = doorFor(guest, (id) => known.byId(id)?.rights);
    if (admission.as !== 'peer') return { admission, known: undefined, listed: [] };
    const peer = known.byId(guest.clientId);
    return { admission, known: peer?.name, listed: peer?.rights ?? [] };
  }

  function roomFor(clientId: string, as: Welcomed | undefined): Room {
    if (as === 'owner') return room.forOwner;
    return as === 'peer' ? room.forPeer(clientId) : room.forStrangers;
  }

  /** Where a client's files land: in an inbox each has a folder of its own, but for the owner. */
  function landingFor(clientId: string, as: Welcomed | undefined): LazyArea {
    if (mode !== 'inbox' || as === 'owner') {
      return lazyArea(() => Promise.resolve(share.root), false, as === 'open');
    }
    return lazyArea(async () => {
      const known = await readKnownPeers(device.stateFolder);
      const name = inboxName(clientId, known.byId(clientId)?.name);
      return openInbox(share.root, name, roomFor(clientId, as));
    }, true);
  }

  /** A list that is damaged gives nobody a right; one that cannot be opened right now says nothing. */
  async function review(): Promise<void> {
    if (!here.hasPeers()) return;
    const known = await readKnownPeers(device.stateFolder).catch((error: unknown) =>
      isShortage(error) ? 'later' : undefined,
    );
    if (known === 'later') return;
    here.review((id) => known?.byId(id)?.rights ?? []);
  }
  /** An idle server sleeps. */
  let reviewing: NodeJS.Timeout | undefined;

  return {
    receive(guest) {
      const { heartbeat, idleTimeout: idle, messages } = limits;
      const { socket, feed } = guest;
      const connection = speak(socket, { heartbeat, idle }, { rate: messages, feed });
      const done = host(connection, guest)
        .catch((error: unknown) => {
          observe({ event: 'fault', where: 'session', error: asError(error) });
          const fault = new SharingError('internal', '');
          connection.close(fault, { t: 'error', code: 'internal', message: '' });
        })
        .finally(() => {
          sessions.delete(done);
          if (sessions.size > 0) return;
          clearInterval(reviewing);
          reviewing = undefined;
        });
      sessions.add(done);
      reviewing ??= setInterval(() => void review(), reviewTime).unref();
    },
    async windDown() {
      const deadline = performance.now() + windDownTime;
      while (sessions.size > 0 && performance.now() < deadline) {
        here.closeIdle(shuttingDown);
        await Promise.race([delay(100), Promise.all(sessions)]);
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(reviewing);
      here.close(shuttingDown);
      await Promise.all(sessions);
    },
  };
}

function sentAway(code: ErrorCode, message: string): Judged {
  return { admission: { as: 'nobody', code, message }, known: undefined, listed: [] };
}

/** No descriptors are left, or a disk does not answer: that passes, and says nothing of anybody's rights. */
function isShortage(error: unknown): boolean {
  const cause = error instanceof SharingError ? error.cause : error;
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO', 'EAGAIN'].includes(errnoOf(cause) ?? '');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
