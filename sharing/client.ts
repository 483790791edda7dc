import { ask, type ServerStatus } from '#sharing/dialogue/asking.js';
import type { NewCode } from '#sharing/session/code-window.js';
import type { ClientRun } from '#sharing/dialogue/pairing.js';
import {
  getFrom,
  streamFrom,
  type GetOptions,
  type Mover,
  type StreamOptions,
  type TransferOptions,
} from '#sharing/dialogue/getting.js';
import { threadPays, type ThreadPays } from '#sharing/dialogue/lane-wishes.js';
import type { LeftOut } from '#sharing/batch/receive.js';
import { putTo } from '#sharing/dialogue/putting.js';
import { SharingError } from '#sharing/errors.js';
import type { Device } from '#sharing/identity/device.js';
import { addPeer, pinServer, readKnownPeers } from '#sharing/identity/known.js';
import { judgeServer } from '#sharing/identity/trust.js';
import { parseCode } from '#sharing/session/code.js';
import type { PairingChannel } from '#sharing/session/pairing.js';
import { clientRules } from '#sharing/session/client.js';
import { plainPath, safePath } from '#sharing/storage/path.js';
import { openArrivals } from '#sharing/storage/arrivals.js';
import { openRoom } from '#sharing/storage/room.js';
import type { Spool } from '#sharing/storage/spool.js';
import type { Page } from '#sharing/storage/share.js';
import type { Duplex } from 'node:stream';
import { placeOf } from '#sharing/transport/address.js';
import type { Feed } from '#sharing/transport/feed.js';
import type { Silence } from '#sharing/transport/heartbeat.js';
import { takeInThread } from '#sharing/transfer/thread.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { dial } from '#sharing/transport/dial.js';
import { dialFirst, type Door, type Hosts } from '#sharing/transport/race.js';
import type { Right } from '#sharing/wire/message.js';

export type { Door, Hosts } from '#sharing/transport/race.js';
export type { Policy } from '#sharing/wire/message.js';

export interface ConnectOptions {
  readonly device: Device;
  /** Our own name, for the server's log. */
  readonly name: string;
  /** Where it may be reached, the best first; one when it was typed. */
  readonly hosts: Hosts;
  readonly port: number;
  /** Where else it may be reached, at another port perhaps; tried after the hosts. */
  readonly further?: readonly Door[];
  /** The id that the name used stands for; undefined for a typed address. */
  readonly expectedId?: string;
  readonly limits: ClientLimits;
  /** The code that the server shows, as it was typed, for a first contact. */
  readonly code?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** When a get takes some of its chunks in a thread of its own; as it was measured to pay if nothing is said. */
  readonly threadPays?: ThreadPays;
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

/** What the sender of many files left out without a word: links and the like, and names that begin with a dot. */
export type { LeftOut } from '#sharing/batch/receive.js';
export type { ServerStatus } from '#sharing/dialogue/asking.js';
export type { GetOptions, StreamOptions, TransferOptions } from '#sharing/dialogue/getting.js';
export { asLists } from '#sharing/dialogue/wanted.js';
export { sharedReads, type SharedReads } from '#sharing/storage/shared-reads.js';
export { openOutlet, type Outlet } from '#sharing/transfer/outlet.js';
export type { Ended, Transferred } from '#sharing/gathering.js';

/** An open session. Every method throws SharingError. */
export interface ClientSession extends AsyncDisposable {
  readonly server: ServerFacts;
  /** Pages of the rows of a remote folder, sorted by name. */
  list(path: string, signal?: AbortSignal): AsyncGenerator<Page, void, undefined>;
  /**
   * Gets a file, a folder, or what matches a pattern that is no path. The local name of a file or folder comes only
   * from what was typed. Rejects when all of it failed or broke off; what `onEnded` was told of is received.
   */
  get(path: string, options: GetOptions): Promise<LeftOut>;
  /** The same for several in one transfer, which `asLists` put together; each that fails alone is told. */
  getList(paths: readonly [string, ...string[]], options: GetOptions): Promise<LeftOut>;
  /**
   * Gets one file and hands its bytes on in their order, each chunk verified before. Rejects with `is-folder` for what is no
   * single file; what was handed on by then is the beginning of the file.
   */
  stream(path: string, options: StreamOptions): Promise<void>;
  /** Puts local files and folders in one transfer, paths on this machine; or what came over a pipe, which `as` names. */
  put(files: readonly string[] | Spool, options: TransferOptions): Promise<LeftOut>;
  /** For the owner: a new code for pairing, good for `uses` devices. */
  newCode(uses: number): Promise<NewCode>;
  /** For the owner: who is there, what moves, and what did since the server began. */
  status(): Promise<ServerStatus>;
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
  const { device, limits, expectedId } = options;
  const known = await readKnownPeers(device.stateFolder);
  const reached = await dialFirst({
    hosts: options.hosts,
    port: options.port,
    further: options.further,
    device,
    expectedId,
    timeout: limits.connectTimeout,
    ...(options.signal && { signal: options.signal }),
  });
  const { socket, feed, serverId, exporter, address, host, port, sameMachine } = reached;
  const place = placeOf(host, port);
  const connection = speakOver(socket, feed, limits);
  const cancel = (): void => {
    connection.close(new SharingError('cancelled', 'cancelled while connecting'));
  };
  options.signal?.addEventListener('abort', cancel, { once: true });
  try {
    const sighting = { serverId, ownId: device.id, expectedId, place };
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
      threadPays: options.threadPays ?? threadPays(sameMachine),
      dial: (signal) => dialAgain(options, { host, port }, serverId, signal),
      takeBeside: (work, hello) =>
        takeInThread(
          {
            ...silenceOf(limits),
            device,
            host,
            port,
            serverId,
            timeout: limits.connectTimeout,
            hello,
          },
          work,
        ),
      pairing: await pairingOf(options, connection, { exporter, clientId: device.id, serverId }),
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

/** One more connection, to the same place and key. Throws as `dial`, and `key-changed`. */
async function dialAgain(
  { device, limits }: ConnectOptions,
  { host, port }: Door,
  expectedId: string,
  signal: AbortSignal,
): Promise<Connection> {
  const { socket, feed, serverId } = await dial({
    host,
    port,
    device,
    timeout: limits.connectTimeout,
    signal,
  });
  if (serverId !== expectedId) {
    socket.destroy();
    throw new SharingError('key-changed', 'another server answers');
  }
  return speakOver(socket, feed, limits);
}

function speakOver(socket: Duplex, feed: Feed, limits: ClientLimits): Connection {
  return speak(socket, silenceOf(limits), { feed });
}

function silenceOf({ heartbeat, idleTimeout }: ClientLimits): Silence {
  return { heartbeat, idle: idleTimeout };
}

function sessionOf(
  { device, limits, now }: ConnectOptions,
  server: ServerFacts,
  connection: Connection,
  asking: Awaited<ReturnType<typeof ask>>,
): ClientSession {
  const arrivals = openArrivals(device.stateFolder, now);
  const mover: Mover = { device, asking, room: openRoom(limits), arrivals };
  const getting = new Set<Promise<unknown>>();

  /** What is all here is saved though the connection is gone, and needs its folder until then. */
  async function leaveFolders(): Promise<void> {
    await Promise.allSettled(getting);
    await arrivals[Symbol.asyncDispose]();
  }

  function getList(paths: readonly [string, ...string[]], wish: GetOptions): Promise<LeftOut> {
    const done = getFrom(mover, paths, wish).finally(() => getting.delete(done));
    getting.add(done);
    return done;
  }

  return {
    server,
    list: (path, signal) => asking.list(pathOf(path), signal),

    get: (path, wish) => getList([path], wish),
    getList,
    stream: (path, wish) => streamFrom(mover, path, wish),
    put: (files, wish) => putTo(mover, files, wish),
    newCode: (uses) => asking.newCode(uses),
    status: () => asking.status(),
    shutdown: () => asking.shutdown(),
    async bye() {
      await asking.bye();
      await leaveFolders();
    },
    closed: connection.closed,
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      await leaveFolders();
    },
  };
}

/** What answers when the server asks for a code. Throws SharingError `wrong-code` for what can be none. */
async function pairingOf(
  { code: typed, device, now }: ConnectOptions,
  connection: Connection,
  channel: PairingChannel,
): Promise<ClientRun | undefined> {
  if (typed === undefined) return undefined;
  const code = parseCode(typed);
  if (code === undefined) throw new SharingError('wrong-code', 'a code has 8 letters and digits');
  // Its arithmetic takes longer to load than all the rest, and most sessions need none.
  const { clientRun } = await import('#sharing/dialogue/pairing.js');
  return clientRun(connection, code, channel, async (name) => {
    const peer = { id: channel.serverId, name, rights: [], how: 'code' } as const;
    await addPeer(device.stateFolder, peer, new Date(now()));
  });
}

/** The wire form of what was typed: judged here too, so that a slip is told before anything is sent. */
function pathOf(typed: string): string {
  return safePath(plainPath(typed)).join('/');
}
