import { errnoOf, SharingError } from '#sharing/errors.js';
import type { Observe, TurnedAway } from '#sharing/events.js';
import type { Device } from '#sharing/identity/device.js';
import { openLobby, type LobbyLimits } from '#sharing/transport/lobby.js';
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
  const sockets = new Set<Socket>();
  /** The socket below each TLS socket. */
  const below = new Map<string, Socket>();
  const lobby = openLobby(
    options,
    () => performance.now(),
    (socket) => {
      turnAway(socket, 'too-many-strangers');
    },
  );

  const tls = createTlsServer({
    ...channelOptions(options.device),
    requestCert: true,
    handshakeTimeout: options.handshakeTime,
  });
  const plain = createPlainServer({ noDelay: true, pauseOnConnect: false });

  function turnAway(socket: Socket, reason: TurnedAway): void {
    observe({ event: 'turned-away', address: unmapped(socket.remoteAddress ?? ''), reason });
    socket.destroy();
  }

  plain.on('connection', (socket) => {
    socket.on('error', () => undefined);
    const reason = lobby.enter(socket);
    if (reason) {
      turnAway(socket, reason);
      return;
    }
    const place = placeOf(socket);
    below.set(place, socket);
    socket.once('close', () => below.delete(place));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const timer = setTimeout(() => {
      turnAway(socket, 'silent');
    }, options.firstByteTime);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    socket.once('readable', () => {
      clearTimeout(timer);
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      if (first[0] === tlsHandshake) {
        socket.unshift(first);
        tls.emit('connection', socket);
      } else {
        observe({
          event: 'turned-away',
          address: unmapped(socket.remoteAddress ?? ''),
          reason: 'plaintext',
        });
        explain(socket);
      }
    });
  });

  tls.on('tlsClientError', (_error, socket) => {
    turnAway(socket, 'handshake-failed');
  });
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    let clientId: string;
    try {
      clientId = peerIdOf(socket);
    } catch {
      turnAway(socket, 'not-lanpost');
      return;
    }
    const address = unmapped(socket.remoteAddress ?? '');
    const plainSocket = below.get(placeOf(socket));
    onClient({
      socket,
      clientId,
      exporter: exporterOf(socket),
      address,
      letIn: () => {
        if (plainSocket) lobby.leave(plainSocket);
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
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The same for a socket and for the TLS socket around it. */
function placeOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
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
