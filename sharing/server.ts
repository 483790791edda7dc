import { openDesk, type DeskOptions, type ShownCode } from '#sharing/dialogue/desk.js';
import { answer } from '#sharing/dialogue/answering.js';
import { attendance, type Attendee } from '#sharing/dialogue/attendance.js';
import { transferTable } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import { readKnownPeers } from '#sharing/identity/known.js';
import { mustBeApart } from '#sharing/identity/state.js';
import {
  admit,
  openRights,
  within,
  type Admission,
  type ServingMode,
} from '#sharing/session/admission.js';
import { serverRules } from '#sharing/session/server.js';
import { lazyArea, type LazyArea } from '#sharing/storage/area.js';
import { inboxName, openInbox } from '#sharing/storage/inbox.js';
import { removeExpired } from '#sharing/storage/partials.js';
import { openRoom } from '#sharing/storage/room.js';
import { openShare, type Share } from '#sharing/storage/share.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import type { Rate } from '#sharing/transport/bucket.js';
import { listen, type Guest } from '#sharing/transport/listen.js';
import { addressKey } from '#sharing/transport/address.js';
import type { Right } from '#sharing/wire/message.js';
import { lstat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Everything that bounds a server; bytes and milliseconds. */
export interface ServerLimits {
  readonly maxClients: number;
  readonly maxClientsPerAddress: number;
  readonly maxTransfersPerClient: number;
  readonly maxFileSize: number;
  readonly keepFree: number;
  readonly heartbeat: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
  /** Connections that are not let in yet, at once. */
  readonly maxStrangers: number;
  /** New connections from one address, and in all. */
  readonly perAddress: Rate;
  readonly inAll: Rate;
  /** Control messages of one client; what comes faster waits. */
  readonly messages: Rate;
  readonly firstByteTime: number;
  readonly handshakeTime: number;
  readonly helloTime: number;
  readonly pairingTime: number;
}

export interface ServerOptions extends DeskOptions {
  /** The folder that is shared. */
  readonly folder: string;
  readonly name: string;
  /** Tried in this order. */
  readonly ports: readonly number[];
  readonly open: 'no' | 'read' | 'rw';
  readonly mode: ServingMode;
  readonly receivedPrefix: string;
  /** The owner asks from a client to stop; whoever started the server does it. */
  readonly onShutdown?: () => void;
  readonly limits: ServerLimits;
  /** Loopback and this machine's own addresses. */
  readonly isOwnAddress: (address: string) => boolean;
  /** On-link, private, link-local and loopback addresses. */
  readonly isNearby: (address: string) => boolean;
}

export type { ServingMode } from '#sharing/session/admission.js';
export type { ShownCode } from '#sharing/dialogue/desk.js';

export interface SharingServer extends AsyncDisposable {
  readonly port: number;
  /** Takes no more clients, and resolves when what is under way has ended, or after 10 s. */
  windDown(): Promise<void>;
  /** A new code, good for `uses` devices; the one before is void. */
  newCode(uses: number): ShownCode;
}

/** Milliseconds between two looks at the rights of those who are in. */
const reviewTime = 500;
/** Milliseconds that transfers under way get when the server is stopped by its owner. */
const windDownTime = 10_000;
const shuttingDown = new SharingError('shutting-down', 'the server is shutting down');

/**
 * Shares a folder until it is disposed. Throws SharingError `folder-missing`, `folder-overlaps-state`,
 * `no-permission`, `port-taken` or `port-refused`.
 */
export async function startServer(options: ServerOptions): Promise<SharingServer> {
  const { device, limits, observe, mode } = options;
  await mustBeApart(device.stateFolder, options.folder);
  // A list that is damaged must be seen now, not by the first client.
  await readKnownPeers(device.stateFolder);
  const share = await openShare(options.folder, device.tagKey);
  const room = openRoom(limits);
  await sweep(share, options);
  const desk = openDesk(options);
  const here = attendance();
  const sessions = new Set<Promise<unknown>>();
  let count = 0;

  function onClient(guest: Guest): void {
    const { heartbeat, idleTimeout: idle, messages } = limits;
    const connection = speak(guest.socket, { heartbeat, idle }, messages);
    const done = welcome(connection, guest)
      .catch((error: unknown) => {
        observe({ event: 'fault', where: 'session', error: asError(error) });
        const fault = new SharingError('internal', '');
        connection.close(fault, { t: 'error', code: 'internal', message: '' });
      })
      .finally(() => sessions.delete(done));
    sessions.add(done);
  }

  async function welcome(connection: Connection, guest: Guest): Promise<void> {
    const { clientId, address } = guest;
    const key = addressKey(address);
    const judged = await decide(guest);
    const admission = judged.as === 'nobody' ? judged : (tooMany(key) ?? judged);
    const rules = serverRules({
      name: options.name,
      admission,
      mode,
      pairs: desk.window.code() !== undefined,
      maxWork: limits.maxTransfersPerClient,
      otherWork: () => here.otherWork(clientId, connection),
    });
    const attendee: Attendee = { connection, clientId, addressKey: key, rules };
    here.enter(attendee);
    count += 1;
    const session = count;
    let entered: 'owner' | 'peer' | 'open' | undefined;
    const letIn = (as: 'owner' | 'peer' | 'open', rights: readonly Right[]): void => {
      entered = as;
      guest.letIn();
      here.letIn(attendee, as === 'peer' ? rights : undefined);
      observe({ event: 'client-in', session, address, id: clientId, as });
    };
    if (admission.as !== 'nobody') letIn(admission.as, admission.rights);
    const end = await answer({
      connection,
      rules,
      transfers: transferTable(),
      share,
      landingArea: () => landingFor(clientId, entered),
      room,
      clientId,
      session,
      receivedPrefix: options.receivedPrefix,
      helloTime: limits.helloTime,
      pairingTime: limits.pairingTime,
      desk: {
        ...desk,
        async store(id, name) {
          await desk.store(id, name);
          letIn('peer', within(mode, 'peer', desk.rights));
        },
      },
      channel: { exporter: guest.exporter, clientId, serverId: device.id },
      address: key,
      stallTime: limits.stallTimeout,
      onShutdown: () => options.onShutdown?.(),
      observe,
    }).finally(() => {
      here.leave(attendee);
    });
    const code = end?.code;
    const message = end?.message ?? (entered ? '' : 'it was asked for the code');
    if (entered) observe({ event: 'client-out', session, code: code ?? 'bye', message });
    else {
      const refused = { address, id: clientId, code: code ?? 'not-known', message } as const;
      observe({ event: 'client-refused', ...refused });
    }
  }

  /** Where a client's files land: in an inbox each has a folder of its own, but for the owner. */
  function landingFor(clientId: string, as: 'owner' | 'peer' | 'open' | undefined): LazyArea {
    if (mode !== 'inbox' || as === 'owner') {
      return lazyArea(() => Promise.resolve(share.root), false);
    }
    return lazyArea(async () => {
      const known = await readKnownPeers(device.stateFolder);
      return openInbox(share.root, inboxName(clientId, known.byId(clientId)?.name));
    }, true);
  }

  function tooMany(key: string): Admission | undefined {
    const { maxClients, maxClientsPerAddress } = limits;
    const [limit, whose] =
      here.count() >= maxClients
        ? [maxClients, '']
        : here.count(key) >= maxClientsPerAddress
          ? [maxClientsPerAddress, ' from your address']
          : [];
    if (limit === undefined) return undefined;
    const message = `${limit} clients${whose} are served at once`;
    return { as: 'nobody', code: 'too-many-clients', message };
  }

  async function decide({ clientId, address }: Guest): Promise<Admission> {
    const fromHere = options.isOwnAddress(address);
    const known = await readKnownPeers(device.stateFolder).catch((error: unknown) => {
      observe({ event: 'fault', where: 'known peers', error: asError(error) });
      return undefined;
    });
    if (!known) return { as: 'nobody', code: 'internal', message: '' };
    return admit(
      { id: clientId, fromHere, nearby: options.isNearby(address) },
      {
        ownId: device.id,
        mode,
        open: options.open,
        rightsOf: (id) => known.byId(id)?.rights,
      },
    );
  }

  /** A list that cannot be read gives nobody a right. */
  async function review(): Promise<void> {
    if (!here.hasPeers()) return;
    const known = await readKnownPeers(device.stateFolder).catch(() => undefined);
    const forAll = openRights[options.open];
    here.review(
      (id, right) => forAll.includes(right) || (known?.byId(id)?.rights ?? []).includes(right),
    );
  }
  const reviewing = setInterval(() => void review(), reviewTime);
  reviewing.unref();

  const listener = await listen({
    ports: options.ports,
    device,
    ...limits,
    observe,
    onClient,
  }).catch(async (error: unknown) => {
    clearInterval(reviewing);
    await share[Symbol.asyncDispose]();
    throw error;
  });
  observe({ event: 'listening', port: listener.port });

  return {
    port: listener.port,
    newCode: desk.newCode,
    async windDown() {
      listener.shut();
      const deadline = performance.now() + windDownTime;
      while (sessions.size > 0 && performance.now() < deadline) {
        here.close(shuttingDown, ({ rules }) => rules.work() === 0);
        await Promise.race([delay(100), Promise.all(sessions)]);
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(reviewing);
      here.close(shuttingDown, () => true);
      await Promise.all(sessions);
      await listener[Symbol.asyncDispose]();
      await share[Symbol.asyncDispose]();
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Removes what crashes left in a share long ago; a share that never received anything is not touched. */
async function sweep({ root }: Share, { now, observe }: ServerOptions): Promise<void> {
  const before = await lstat(await root.at('.lanpost')).catch(() => undefined);
  if (!before) return;
  await using landing = lazyArea(() => Promise.resolve(root), false);
  // A landing area that is not private refuses each put with its reason; reading goes on.
  const area = await landing.open().catch(() => undefined);
  const count = area ? await removeExpired(area, now()) : 0;
  if (count > 0) observe({ event: 'partials-removed', count });
}
