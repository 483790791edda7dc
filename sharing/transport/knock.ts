import { errnoOf } from '#sharing/errors.js';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { plaintextStart } from '#sharing/transport/channel.js';

export interface KnockOptions {
  /** An address; a name would be looked up. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/**
 * What came of knocking: `lanpost`, another program, one that hung up without a word (so does a lanpost server that has
 * no room for one more stranger), or the code of what was in the way.
 */
export type Knocked = 'lanpost' | 'other' | 'hung-up' | { readonly code: string };

const timedOut = 'ETIMEDOUT';

/**
 * Looks whether a server listens somewhere, without a key: a lanpost server gives plain text one clear line (PROTOCOL.md,
 * Channel). Nothing is believed of it, and nothing is sent that means anything. Never throws.
 */
export async function knock({ host, port, timeout, signal }: KnockOptions): Promise<Knocked> {
  const socket = connect({ host, port });
  return new Promise<Knocked>((resolve) => {
    let connected = false;
    let said = '';
    const end = (result: Knocked): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      resolve(result);
    };
    const judge = (): void => {
      if (said === '') end('hung-up');
      else end(said.startsWith(plaintextStart) ? 'lanpost' : 'other');
    };
    const stop = (): void => {
      end(connected ? 'other' : { code: timedOut });
    };
    const timer = setTimeout(stop, timeout);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    socket.on('error', (error) => {
      // A reset comes from who had taken the connection, sometimes before this side heard of it.
      if (connected || errnoOf(error) === 'ECONNRESET') judge();
      else end({ code: errnoOf(error) ?? 'UNKNOWN' });
    });
    socket.on('connect', () => {
      connected = true;
      socket.write('\n');
    });
    socket.on('data', (bytes) => {
      said += bytes.toString('latin1');
      if (said.length >= plaintextStart.length) judge();
    });
    socket.on('end', judge);
  });
}

/** Tries whether a server could listen on a TCP port now, and lets go of it: null, or the code of what was in the way. */
export async function tryPort(port: number): Promise<string | null> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, exclusive: true }, resolve);
    });
    await once(server.close(), 'close');
    return null;
  } catch (error) {
    return errnoOf(error) ?? 'UNKNOWN';
  }
}
