import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/** Bytes that are given at once, at most: a record of TLS holds no more (RFC 8446, section 5.1). */
const readLength = 16 * 1024;

/** Reads that are kept for a listener who is still to come. */
const maxEarly = 16;

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
  const place = Buffer.allocUnsafeSlow(readLength);
  const early: Buffer[] = [];
  let listener: ((bytes: Buffer) => void) | undefined;
  return {
    onread: {
      buffer: place,
      callback(length) {
        // Most are full, and need no view of their own.
        const bytes = length === readLength ? place : place.subarray(0, length);
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

/**
 * What comes over a socket that was accepted. Node takes `onread` only where it connects, though every socket can do it: what
 * the option sets is set here by its inner names. A server takes large files in half the time so, and needs 30 MB less. Where
 * Node has changed the names, it is a stream like any other.
 */
export function acceptedFeed(socket: Duplex): Feed {
  const feed = socketFeed();
  if (!readsInto(socket, feed.onread)) return streamFeed(socket);
  return {
    listen(listener) {
      // What came before the socket was ours.
      for (let bytes = next(socket); bytes; bytes = next(socket)) listener(bytes);
      feed.listen(listener);
    },
  };
}

function next(socket: Duplex): Buffer | null {
  return socket.read() as Buffer | null;
}

interface TakesBuffer {
  useUserBuffer(buffer: OnReadOpts['buffer']): void;
}

type Inner = Record<symbol, unknown> & {
  readonly _handle?: object;
};

/** As the constructor of net.Socket does with the option; false where it is not done like that. */
function readsInto(socket: Duplex, onread: OnReadOpts): boolean {
  const inner = socket as unknown as Inner;
  const handle = inner._handle;
  const symbolOf = (name: string): symbol | undefined =>
    Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
  const [place, told, maker] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map(symbolOf);
  if (!place || !told || !maker || !handle || !takesBuffer(handle)) return false;
  handle.useUserBuffer(onread.buffer);
  inner[place] = onread.buffer;
  inner[told] = onread.callback.bind(onread);
  inner[maker] = null;
  return true;
}

function takesBuffer(handle: object): handle is TakesBuffer {
  return 'useUserBuffer' in handle && typeof handle.useUserBuffer === 'function';
}
