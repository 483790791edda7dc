import { errnoOf, SharingError } from '#sharing/errors.js';
import type { Observe, TurnedAway } from '#sharing/events.js';
import type { Device } from '#sharing/identity/device.js';
import { openLobby, type LobbyLimits } from '#sharing/transport/lobby.js';
import { acceptedFeed, type Feed } from '#sharing/transport/feed.js';
import { unmapped } from '#sharing/transport/address.js';
import {
  channelOptions,
  exporterOf,
  peerIdOf,
  plaintextStart,
} from '#sharing/transport/channel.js';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';

export interface ListenOptions extends LobbyLimits {
  /** Tried in this order; the first free one is taken. 0 is any free port. */
  readonly ports: readonly number[];
  readonly device: Device;
  /** Milliseconds until the first byte, and until the end of the handshake. */
  readonly firstByteTime: number;
  readonly handshakeTime: number;
  readonly observe: Observe;
  readonly onClient: (guest: Guest) => void;
}

/** A client whose key is proven. */
export interface Guest {
  readonly socket: Duplex;
  /** What comes over it. */
  readonly feed: Feed;
  readonly clientId: string;
  /** What pairing binds itself to. */
  readonly exporter: Buffer;
  /** Unmapped. */
  readonly address: string;
  /** It is let in, and counts no longer among the strangers. */
  letIn(): void;
}

export interface Listener extends AsyncDisposable {
  readonly port: number;
  /** Takes no more connections; those that are there stay. */
  shut(): void;
}

/** Who is at a socket, from its first moment on: of a socket that is closed nobody can ask it any more. */
interface Caller {
  readonly socket: Socket;
  /** Unmapped. */
  readonly address: string;
  /** Its handshake has begun, and is neither over nor told of as failed. */
  isShaking: boolean;
}

/** First byte of a TLS record that carries a handshake (RFC 8446, section 5.1). */
const tlsHandshake = 0x16;
const plaintextAnswer = `${plaintextStart}; use the lanpost client.\n`;
/** Milliseconds for the last line to a plaintext client to leave. */
const lingerTime = 500;

/**
 * Listens for clients on all addresses, of IPv6 and IPv4, or of IPv4 alone where there is no IPv6 (which is what Node does
 * when it is told no address). Every socket that is not TLS gets one clear line. Throws
 * SharingError `port-taken` or `port-refused`.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { observe, onClient } = options;
  const callers = new Map<Socket, Caller>();
  /** Who is at the socket below each TLS socket. */
  const below = new Map<string, Caller>();
  const lobby = openLobby(
    options,
    () => performance.now(),
    (socket) => {
      const caller = callers.get(socket);
      if (caller) turnAway(caller, 'too-many-strangers');
    },
  );

  const tls = createTlsServer({
    ...channelOptions(options.device),
    requestCert: true,
    handshakeTimeout: options.handshakeTime,
  });
  const plain = createPlainServer({ noDelay: true, pauseOnConnect: false });

  function tell(caller: Caller, reason: TurnedAway): void {
    caller.isShaking = false;
    observe({ event: 'turned-away', address: caller.address, reason });
  }

  function turnAway(caller: Caller, reason: TurnedAway): void {
    tell(caller, reason);
    caller.socket.destroy();
  }

  plain.on('connection', (socket) => {
    socket.on('error', () => undefined);
    const address = unmapped(socket.remoteAddress ?? '');
    const caller: Caller = { socket, address, isShaking: false };
    const reason = lobby.enter(socket);
    if (reason) {
      turnAway(caller, reason);
      return;
    }
    const ends = endsOf(socket);
    below.set(ends, caller);
    callers.set(socket, caller);
    const timer = setTimeout(() => {
      turnAway(caller, 'silent');
    }, options.firstByteTime);
    socket.once('close', () => {
      clearTimeout(timer);
      below.delete(ends);
      callers.delete(socket);
      if (caller.isShaking) tell(caller, 'handshake-failed');
    });
    socket.once('readable', () => {
      clearTimeout(timer);
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      if (first[0] === tlsHandshake) {
        caller.isShaking = true;
        socket.unshift(first);
        tls.emit('connection', socket);
      } else {
        tell(caller, 'plaintext');
        explain(socket);
      }
    });
  });

  // The socket below closes with it, and tells of it.
  tls.on('tlsClientError', (_error, socket) => {
    socket.destroy();
  });
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    const feed = acceptedFeed(socket);
    const caller = below.get(endsOf(socket));
    // It is gone already.
    if (!caller) {
      socket.destroy();
      return;
    }
    caller.isShaking = false;
    let clientId: string;
    try {
      clientId = peerIdOf(socket);
    } catch {
      turnAway(caller, 'not-lanpost');
      return;
    }
    onClient({
      socket,
      feed,
      clientId,
      exporter: exporterOf(socket),
      address: caller.address,
      letIn: () => {
        lobby.leave(caller.socket);
      },
    });
  });

  const port = await bindFirst(plain, options.ports);
  plain.on('error', (error) => {
    observe({ event: 'fault', where: 'listener', error });
  });
  let closed: Promise<unknown> | undefined;
  function shut(): void {
    closed ??= once(plain.close(), 'close');
  }
  return {
    port,
    shut,
    async [Symbol.asyncDispose]() {
      shut();
      for (const socket of callers.keys()) socket.destroy();
      await closed;
    },
  };
}

/** The same for a socket and for the TLS socket around it. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(' ');
}

/** One line for people and scripts that speak plain text here, then the end. */
function explain(socket: Socket): void {
  socket.end(plaintextAnswer);
  socket.resume();
  const linger = setTimeout(() => socket.destroy(), lingerTime);
  socket.once('close', () => {
    clearTimeout(linger);
  });
}

async function bindFirst(server: Server, ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    try {
      return await bind(server, port);
    } catch (error) {
      if (errnoOf(error) === 'EADDRINUSE') continue;
      throw new SharingError('port-refused', `cannot listen on port ${port}`, { port }, error);
    }
  }
  const [first = 0] = ports;
  const last = ports.at(-1) ?? first;
  throw new SharingError('port-taken', `port ${first} is taken`, { port: first, last });
}

async function bind(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      server.removeListener('listening', bound);
      reject(error);
    };
    const bound = (): void => {
      server.removeListener('error', failed);
      resolve();
    };
    server.once('error', failed);
    server.once('listening', bound);
    server.listen(port);
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}
