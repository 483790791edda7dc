import { errnoOf, SharingError, type ErrorCode } from '#sharing/errors.js';
import type { Device } from '#sharing/identity/device.js';
import { unmapped } from '#sharing/transport/address.js';
import { channelOptions, exporterOf, peerIdOf } from '#sharing/transport/channel.js';
import { socketFeed, type Feed } from '#sharing/transport/feed.js';
import { connect, type TLSSocket } from 'node:tls';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly device: Device;
  /** Milliseconds until the handshake must be over. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

export interface Dialled {
  readonly socket: TLSSocket;
  /** What comes over it. */
  readonly feed: Feed;
  /** The server's id, proven by the handshake. */
  readonly serverId: string;
  readonly exporter: Buffer;
  /** The address that was reached. */
  readonly address: string;
  /** Both ends have one address: the server runs on this machine. */
  readonly sameMachine: boolean;
}

/**
 * Opens the channel to a server. Throws SharingError `name-unresolved`, `unreachable`,
 * `connection-refused`, `connect-timeout`, `not-lanpost` or `cancelled`.
 */
export async function dial({ host, port, device, timeout, signal }: DialOptions): Promise<Dialled> {
  const where = { host, port };
  const feed = socketFeed();
  // The types of Node do not know that what net.connect takes is taken here too.
  const options = { ...channelOptions(device), host, port, servername: '', onread: feed.onread };
  const socket = connect(options);
  let connected = false;

  return new Promise<Dialled>((resolve, reject) => {
    const stop = (error: SharingError): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const cancel = (): void => {
      stop(new SharingError('cancelled', 'cancelled while connecting', where));
    };
    const timer = setTimeout(() => {
      stop(
        connected
          ? new SharingError('not-lanpost', 'no answer to the handshake', where)
          : new SharingError('connect-timeout', `no answer within ${timeout} ms`, {
              ...where,
              timeout,
            }),
      );
    }, timeout);
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();

    socket.once('connect', () => {
      connected = true;
    });
    const onError = (error: Error): void => {
      stop(new SharingError(reasonOf(error, connected), error.message, where, error));
    };
    const onEnd = (): void => {
      stop(new SharingError('not-lanpost', 'the connection was closed at once', where));
    };
    socket.once('error', onError);
    socket.once('end', onEnd);
    socket.once('secureConnect', () => {
      try {
        const serverId = peerIdOf(socket);
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        // Until the connection has its own listeners, an error must not be an uncaught one.
        socket.on('error', () => undefined);
        socket.off('error', onError).off('end', onEnd);
        socket.setNoDelay(true);
        resolve({
          socket,
          feed,
          serverId,
          exporter: exporterOf(socket),
          address: unmapped(socket.remoteAddress ?? host),
          sameMachine: socket.remoteAddress === socket.localAddress,
        });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        stop(new SharingError('not-lanpost', message, where, error));
      }
    });
  });
}

function reasonOf(error: Error, connected: boolean): ErrorCode {
  switch (errnoOf(error)) {
    case 'ECONNREFUSED':
      return 'connection-refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'not-lanpost';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return 'name-unresolved';
    case 'ETIMEDOUT':
      return 'connect-timeout';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
    case 'EACCES':
    case 'EPERM':
      return 'unreachable';
    default:
      return connected ? 'not-lanpost' : 'unreachable';
  }
}
