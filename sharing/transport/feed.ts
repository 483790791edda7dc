import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/** Bytes that the system gives at once, at most. */
const readLength = 64 * 1024;

/** Reads that are kept for a listener who is still to come. */
const maxEarly = 4;

/** What comes over a socket; the bytes are valid until the listener returns. */
export interface Feed {
  /** Called once. Bytes may come a moment longer after the socket was paused. */
  listen(listener: (bytes: Buffer) => void): void;
}

/** What comes over any stream. */
export function streamFeed(stream: Duplex): Feed {
  return {
    listen(listener) {
      stream.on('data', listener);
    },
  };
}

/**
 * What comes over a socket that we open: read into one buffer, where a stream would make one for each record of TLS
 * (option `onread` of net.connect).
 */
export function socketFeed(): Feed & { readonly onread: OnReadOpts } {
  const early: Buffer[] = [];
  let listener: ((bytes: Buffer) => void) | undefined;
  return {
    onread: {
      buffer: Buffer.allocUnsafe(readLength),
      callback(length, buffer) {
        const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, length);
        if (listener) listener(bytes);
        else early.push(Buffer.from(bytes));
        // Nobody listens yet: what more there is waits in the system until the socket is resumed.
        return listener !== undefined || early.length < maxEarly;
      },
    },
    listen(own) {
      for (const bytes of early.splice(0)) own(bytes);
      listener = own;
    },
  };
}
