import { openDesk, type DeskOptions, type ShownCode } from '#sharing/dialogue/desk.js';
import { answer } from '#sharing/dialogue/answering.js';
import { transferTable } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import { readKnownPeers } from '#sharing/identity/known.js';
import { mustBeApart } from '#sharing/identity/state.js';
import { admit, openRights, type Admission } from '#sharing/session/admission.js';
import { serverRules } from '#sharing/session/server.js';
import { lazyArea, removeExpired } from '#sharing/storage/area.js';
import { openRoom } from '#sharing/storage/room.js';
import { openShare, type Share } from '#sharing/storage/share.js';
import { refusalOf } from '#sharing/wire/refusal.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { listen, type Guest } from '#sharing/transport/listen.js';
import { addressKey } from '#sharing/transport/address.js';
import type { Right } from '#sharing/wire/message.js';
import { lstat } from 'node:fs/promises';

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
  readonly firstByteTime: number;
  readonly handshakeTime: number;
  readonly helloTime: number;
}

export interface ServerOptions extends DeskOptions {
  /** The folder that is shared. */
  readonly folder: string;
  readonly name: string;
  /** Tried in this order. */
  readonly ports: readonly number[];
  readonly open: 'no' | 'read' | 'rw';
  readonly receivedPrefix: string;
  readonly limits: ServerLimits;
  /** Loopback and this machine's own addresses. */
  readonly isOwnAddress: (address: string) => boolean;
  /** On-link, private, link-local and loopback addresses. */
  readonly isNearby: (address: string) => boolean;
}

export type { ShownCode } from '#sharing/dialogue/desk.js';

export interface SharingServer extends AsyncDisposable {
  readonly port: number;
  /** A new code, good for `uses` devices; the one before is void. */
  newCode(uses: number): ShownCode;
}

/** Milliseconds between two looks at the rights of those who are in. */
const reviewTime = 500;

/**
 * Shares a folder until it is disposed. Throws SharingError `folder-missing`, `folder-overlaps-state`,
 * `no-permission`, `port-taken` or `port-refused`.
 */
export async function startServer(options: ServerOptions): Promise<SharingServer> {
  const { device, limits, observe } = options;
  await mustBeApart(device.stateFolder, options.folder);
  // A list that is damaged must be seen now, not by the first client.
  await readKnownPeers(device.stateFolder);
  const share = await openShare(options.folder, device.tagKey);
  const room = openRoom(limits);
  await sweep(share, options);
  const desk = openDesk(options);
  const clients = new Map<Connection, Promise<unknown>>();
  /** Peers that are in, with the rights they came in with. */
  const peers = new Map<Connection, { readonly id: string; readonly rights: readonly Right[] }>();
  let sessions = 0;

  function onClient(guest: Guest): void {
    const connection = speak(guest.socket, {
      heartbeat: limits.heartbeat,
      idle: limits.idleTimeout,
    });
    const done = welcome(connection, guest)
      .catch((error: unknown) => {
        observe({ event: 'fault', where: 'session', error: asError(error) });
        connection.close(new SharingError('internal', ''), {
          t: 'error',
          code: 'internal',
          message: '',
        });
      })
      .finally(() => {
        clients.delete(connection);
        peers.delete(connection);
      });
    clients.set(connection, done);
  }

  async function welcome(connection: Connection, guest: Guest): Promise<void> {
    const { clientId, address } = guest;
    const admission = await decide(guest);
    sessions += 1;
    const session = sessions;
    const entered = new Set<string>();
    const letIn = (as: 'owner' | 'peer' | 'open', rights: readonly Right[]): void => {
      entered.add(as);
      if (as === 'peer') peers.set(connection, { id: clientId, rights });
      observe({ event: 'client-in', session, address, id: clientId, as });
    };
    if (admission.as !== 'nobody') letIn(admission.as, admission.rights);
    const rules = serverRules({
      name: options.name,
      admission,
      pairs: desk.window.code() !== undefined,
      maxWork: limits.maxTransfersPerClient,
    });
    const end = await answer({
      connection,
      rules,
      transfers: transferTable(),
      share,
      landingArea: () => lazyArea(() => Promise.resolve(share.root), false),
      room,
      clientId,
      session,
      receivedPrefix: options.receivedPrefix,
      helloTime: limits.helloTime,
      desk: {
        ...desk,
        async store(id, name) {
          await desk.store(id, name);
          letIn('peer', desk.rights);
        },
      },
      channel: { exporter: guest.exporter, clientId, serverId: device.id },
      address: addressKey(address),
      stallTime: limits.stallTimeout,
      observe,
    });
    const code = end?.code;
    const message = end?.message ?? (entered.size > 0 ? '' : 'it was asked for the code');
    if (entered.size > 0) observe({ event: 'client-out', session, code: code ?? 'bye', message });
    else
      observe({
        event: 'client-refused',
        address,
        id: clientId,
        code: code ?? 'not-known',
        message,
      });
  }

  async function decide({ clientId, address, crowded }: Guest): Promise<Admission> {
    if (crowded) {
      const { maxClients, maxClientsPerAddress } = limits;
      const [limit, whose] =
        crowded === 'too-many-clients'
          ? [maxClients, '']
          : [maxClientsPerAddress, ' from your address'];
      const message = `${limit} clients${whose} are served at once`;
      return { as: 'nobody', code: 'too-many-clients', message };
    }
    const fromHere = options.isOwnAddress(address);
    const known = await readKnownPeers(device.stateFolder).catch((error: unknown) => {
      observe({ event: 'fault', where: 'known peers', error: asError(error) });
      return undefined;
    });
    if (!known) return { as: 'nobody', code: 'internal', message: '' };
    return admit(
      { id: clientId, fromHere, nearby: options.isNearby(address) },
      { ownId: device.id, open: options.open, rightsOf: (id) => known.byId(id)?.rights },
    );
  }

  /** Whoever lost a right that it came in with is sent away: what it has under way ends too. */
  async function review(): Promise<void> {
    if (peers.size === 0) return;
    const known = await readKnownPeers(device.stateFolder).catch(() => undefined);
    for (const [connection, { id, rights }] of peers) {
      const now = known?.byId(id)?.rights ?? [];
      const open = openRights[options.open];
      if (rights.every((right) => now.includes(right) || open.includes(right))) continue;
      const error = new SharingError('no-right', 'your rights were changed');
      connection.close(error, { t: 'error', ...refusalOf(error) });
    }
  }
  const reviewing = setInterval(() => void review(), reviewTime);
  reviewing.unref();

  const listener = await listen({
    ports: options.ports,
    device,
    maxConnections: limits.maxClients,
    maxPerAddress: limits.maxClientsPerAddress,
    firstByteTime: limits.firstByteTime,
    handshakeTime: limits.handshakeTime,
    observe,
    onClient,
  }).catch(async (error: unknown) => {
    await share[Symbol.asyncDispose]();
    throw error;
  });
  observe({ event: 'listening', port: listener.port });

  return {
    port: listener.port,
    newCode: desk.newCode,
    async [Symbol.asyncDispose]() {
      clearInterval(reviewing);
      const message = 'the server is shutting down';
      for (const connection of clients.keys()) {
        const error = new SharingError('shutting-down', message);
        connection.close(error, { t: 'error', code: 'shutting-down', message });
      }
      await Promise.all(clients.values());
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
