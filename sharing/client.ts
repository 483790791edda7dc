import { ask, type NewCode } from '#sharing/dialogue/asking.js';
import { clientRun, type ClientRun } from '#sharing/dialogue/pairing.js';
import { asSharingError, SharingError, writingTo } from '#sharing/errors.js';
import type { Device } from '#sharing/identity/device.js';
import { addPeer, pinServer, readKnownPeers } from '#sharing/identity/known.js';
import { mustBeApart } from '#sharing/identity/state.js';
import { judgeServer } from '#sharing/identity/trust.js';
import { parseCode, type PairingChannel } from '#sharing/session/pairing.js';
import { clientRules } from '#sharing/session/client.js';
import { lazyArea, type LandingArea } from '#sharing/storage/area.js';
import { openFolder, openRegular, type Folder } from '#sharing/storage/folder.js';
import { isSafeName, ownName, safeName, safePath, type SafeName } from '#sharing/storage/path.js';
import { removeExpired } from '#sharing/storage/partials.js';
import { removeReservations } from '#sharing/storage/reservation.js';
import { openRoom } from '#sharing/storage/room.js';
import type { Entry } from '#sharing/storage/share.js';
import { sourceOf, type Source } from '#sharing/storage/source.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { placeOf } from '#sharing/transport/address.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { dial } from '#sharing/transport/dial.js';
import type { Policy, Right } from '#sharing/wire/message.js';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

export type { Policy } from '#sharing/wire/message.js';

export interface ConnectOptions {
  readonly device: Device;
  /** Our own name, for the server's log. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The id that the name used stands for; undefined for a typed address. */
  readonly expectedId?: string;
  readonly limits: ClientLimits;
  /** The code that the server shows, as it was typed, for a first contact. */
  readonly code?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Everything that bounds a client; bytes and milliseconds. */
export interface ClientLimits {
  readonly connectTimeout: number;
  readonly helloTime: number;
  readonly heartbeat: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
  readonly maxFileSize: number;
  readonly keepFree: number;
}

/** Who is at the other end. */
export interface ServerFacts {
  readonly id: string;
  /** The name it gives itself, or the one we know it by; foreign text. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** `paired`: known since just now, by a code. */
  readonly trust: 'self' | 'known' | 'paired' | 'unverified';
  readonly rights: readonly Right[];
}

/** How one file ended well; `as` is its name on the receiving side. */
export type Transferred =
  | {
      readonly outcome: 'received' | 'stored' | 'identical';
      readonly path: string;
      readonly as: string;
      readonly size: number;
      /** `<algorithm>:<hex>`. */
      readonly digest: string;
    }
  /** What stands there stays, as the policy says. */
  | { readonly outcome: 'skipped'; readonly path: string; readonly as: string };

export interface TransferOptions {
  /** A plain name, without prefix. */
  readonly as?: string;
  /** What becomes of it when its name is taken: numbered, if nothing is said. */
  readonly policy?: Policy;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface GetOptions extends TransferOptions {
  /** Made if need be. */
  readonly folder: string;
  readonly receivedPrefix: string;
}

/** An open session. Every method throws SharingError. */
export interface ClientSession extends AsyncDisposable {
  readonly server: ServerFacts;
  /** Pages of the rows of a remote folder, sorted by name. */
  list(path: string, signal?: AbortSignal): AsyncGenerator<readonly Entry[], void, undefined>;
  /** Gets one remote file. Its local name comes only from what was typed. */
  get(path: string, options: GetOptions): Promise<Transferred>;
  /** Puts one local file, `file` being a path on this machine. */
  put(file: string, options: TransferOptions): Promise<Transferred>;
  /** For the owner: a new code for pairing, good for `uses` devices. */
  newCode(uses: number): Promise<NewCode>;
  /** For the owner: asks the server to stop; resolves when it has ended this session. */
  shutdown(): Promise<void>;
  /** Ends the session in a friendly way. */
  bye(): Promise<void>;
  /** Resolves when the session is over: with the reason, or undefined after `bye`. */
  readonly closed: Promise<SharingError | undefined>;
}

/**
 * Opens a session with a server. Throws SharingError: the codes of `dial`, the server's refusal,
 * `key-changed`, `unknown-server`, `state-damaged`.
 */
export async function openSession(options: ConnectOptions): Promise<ClientSession> {
  const { device, host, port, limits } = options;
  const known = await readKnownPeers(device.stateFolder);
  const place = placeOf(host, port);
  const { socket, serverId, exporter, address } = await dial({
    host,
    port,
    device,
    timeout: limits.connectTimeout,
    ...(options.signal && { signal: options.signal }),
  });
  const connection = speak(socket, { heartbeat: limits.heartbeat, idle: limits.idleTimeout });
  const cancel = (): void => {
    connection.close(new SharingError('cancelled', 'cancelled while connecting'));
  };
  options.signal?.addEventListener('abort', cancel, { once: true });
  try {
    const sighting = { serverId, ownId: device.id, expectedId: options.expectedId, place };
    const trust = judgeServer(sighting, known);
    const asking = await ask({
      connection,
      rules: clientRules(trust.kind !== 'stranger'),
      name: options.name,
      serverId,
      host,
      port,
      helloTime: limits.helloTime,
      stallTime: limits.stallTimeout,
      pairing: pairingOf(options, connection, { exporter, clientId: device.id, serverId }),
    });
    // A stranger that let us in as a peer has proven the code, and is known since.
    const paired = trust.kind === 'stranger' && asking.welcome.as === 'peer';
    if (trust.kind === 'stranger' && !paired && known.pinned(place) === undefined) {
      await pinServer(device.stateFolder, place, serverId, new Date(options.now()));
    }
    const server: ServerFacts = {
      id: serverId,
      name: trust.kind === 'known' ? trust.name : asking.welcome.name,
      address,
      port,
      trust: trust.kind !== 'stranger' ? trust.kind : paired ? 'paired' : 'unverified',
      rights: asking.welcome.rights,
    };
    return sessionOf(options, server, connection, asking);
  } catch (error) {
    connection.close(new SharingError('cancelled', 'not used'));
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', cancel);
  }
}

function sessionOf(
  { device, limits, now }: ConnectOptions,
  server: ServerFacts,
  connection: Connection,
  asking: Awaited<ReturnType<typeof ask>>,
): ClientSession {
  const room = openRoom(limits);

  return {
    server,
    list: (path, signal) => asking.list(pathOf(path), signal),

    async get(path, { folder, receivedPrefix, as, policy = 'number', ...rest }) {
      const wanted = pathOf(path);
      const last = safePath(wanted).at(-1);
      if (last === undefined) throw new SharingError('is-folder', 'the share itself', { path });
      const name = as === undefined ? safeName(`${receivedPrefix}${last}`) : plainName(as);
      await using landing = lazyArea(() => receivingFolder(device.stateFolder, folder), true);
      const area = async (): Promise<LandingArea> => {
        const opened = await landing.open();
        await removeReservations(opened);
        await removeExpired(opened, now());
        return opened;
      };
      const outcome = await asking.get(wanted, { area, room, name, policy, ...rest });
      if (outcome.kind === 'failed') throw outcome.error;
      if (outcome.kind === 'skipped') return { outcome: 'skipped', path, as: outcome.as };
      const { kind, as: stored, size, digest } = outcome;
      return { outcome: kind, path, as: stored, size, digest };
    },

    async put(file, { as, policy = 'number', ...rest }) {
      const path = resolve(file);
      // What goes out is the name that was asked for; how it is called here is its user's affair.
      const plain = as === undefined ? undefined : plainName(as);
      const name = plain ?? safeName(basename(path));
      await using source = await openLocal(path, device.tagKey);
      const names = { name, ...(plain && { as: plain }) };
      const outcome = await asking.put(source, { ...names, policy, ...rest });
      if (outcome.kind === 'failed') throw outcome.error;
      if (outcome.kind === 'skipped') {
        if (policy === 'skip' || policy === 'update') {
          return { outcome: 'skipped', path: file, as: outcome.as };
        }
        throw new SharingError('protocol', 'the server skipped what it was not to skip');
      }
      const { as: stored, digest } = outcome;
      const how = outcome.kind === 'stored' ? 'stored' : 'identical';
      return { outcome: how, path: file, as: stored, size: source.size, digest };
    },

    newCode: (uses) => asking.newCode(uses),
    shutdown: () => asking.shutdown(),
    bye: () => asking.bye(),
    closed: connection.closed,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** What answers when the server asks for a code. Throws SharingError `wrong-code` for what can be none. */
function pairingOf(
  { code: typed, device, now }: ConnectOptions,
  connection: Connection,
  channel: PairingChannel,
): ClientRun | undefined {
  if (typed === undefined) return undefined;
  const code = parseCode(typed);
  if (code === undefined) throw new SharingError('wrong-code', 'a code has 8 letters and digits');
  return clientRun(connection, code, channel, async (name) => {
    const peer = { id: channel.serverId, name, rights: [], how: 'code' } as const;
    await addPeer(device.stateFolder, peer, new Date(now()));
  });
}

/** Opens the file that the user named for a put; links in the way to it are the user's own words. */
async function openLocal(path: string, tagKey: Buffer): Promise<Source> {
  try {
    await using folder = await openFolder(dirname(path));
    const { handle, stats } = await openRegular(folder, ownName(basename(path)));
    return sourceOf(handle, stats, tagKey);
  } catch (error) {
    const { code, message } = asSharingError(error, 'read-failed');
    const known = code === 'folder-missing' ? 'not-found' : code;
    throw new SharingError(known, message, { local: true }, error);
  }
}

/** The receiving folder, made when the first file is offered. */
async function receivingFolder(stateFolder: string, folder: string): Promise<Folder> {
  await writingTo(folder, 'folder-unwritable', () => mkdir(folder, { recursive: true }));
  await mustBeApart(stateFolder, folder);
  return openFolder(folder);
}

/** A name that the user chose for the other side of the transfer. */
function plainName(as: string): SafeName {
  if (isSafeName(as)) return as;
  throw new SharingError('name-refused', `"${as}" is no plain name`, { what: 'as' });
}

/** The wire form of what was typed: judged here too, so that a slip is told before anything is sent. */
function pathOf(typed: string): string {
  return safePath(typed.replace(/\/+$/, '')).join('/');
}
