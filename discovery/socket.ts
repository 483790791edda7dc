import { DgramAsPromised, type SocketAsPromised } from 'dgram-as-promised';
import { isIPv6 } from 'node:net';
import { createInbox } from './inbox.js';

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

export interface SocketOptions {
  /**
   * The local address; a name would be looked up. IPv6 makes a socket for IPv6 alone; a link-local one needs its zone,
   * and binds the socket to that link.
   */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** Several servers on one machine share the port. */
  readonly reuseAddr: boolean;
  readonly broadcast: boolean;
  /** Where multicast leaves: an own IPv4 address, or `::%` and a zone; the system's choice when not given. */
  readonly multicastFrom?: string;
  /** Routers that multicast may pass; 1 when not given. */
  readonly multicastHops?: number;
  /** How many datagrams may wait to be read. */
  readonly inboxLimit: number;
  /** Longer datagrams are dropped, in bytes. */
  readonly maxBytes: number;
  readonly onDropped: (reason: 'too-long' | 'inbox-full') => void;
}

export interface DatagramSocket extends AsyncDisposable {
  readonly port: number;
  /** For one reader. Ends when the socket failed or was disposed. */
  readonly datagrams: AsyncIterable<Datagram>;
  /** Never throws: null when the system took the datagram, else the code of the error. */
  send(bytes: Uint8Array, port: number, address: string): Promise<string | null>;
  /**
   * Joins a multicast group on the interface that has this IPv4 address, or `::%` and a zone. Never throws: null when it
   * was done or had been done before, else the code of the error.
   */
  join(group: string, on: string): string | null;
  /** The code of the error that ended it, if one did. */
  failure(): string | null;
}

export type OpenedSocket =
  | { readonly ok: true; readonly socket: DatagramSocket }
  | { readonly ok: false; readonly code: string };

export type OpenSocket = (options: SocketOptions) => Promise<OpenedSocket>;

/** What `send` answers for a socket that is closed or closing. */
export const sendAfterClose = 'ECLOSED';

const bufferBytes = [4 << 20, 1 << 20, 256 << 10];
const settleSendsMs = 200;

/** Binds a UDP socket. Never throws: the code of what failed is the answer. */
export async function openSocket(options: SocketOptions): Promise<OpenedSocket> {
  const inbox = createInbox<Datagram>(options.inboxLimit);
  let failure: string | null = null;
  let closing = false;
  const bound = DgramAsPromised.createSocket(
    // Without ipv6Only, a socket at `::` would take the IPv4 datagrams of the one at 0.0.0.0 too.
    isIPv6(options.address)
      ? { type: 'udp6', ipv6Only: true, reuseAddr: options.reuseAddr }
      : { type: 'udp4', reuseAddr: options.reuseAddr },
    (bytes, { address, port }) => {
      // Nobody waits for it any more, so it is not lost.
      if (closing) return;
      if (bytes.length > options.maxBytes) options.onDropped('too-long');
      else if (!inbox.offer({ bytes, address, port })) options.onDropped('inbox-full');
    },
  );
  bound.socket.on('error', (error) => {
    failure = errorCode(error);
    inbox.end();
  });
  try {
    // Of dgram-as-promised only bind, send and close: after a failed bind the object is thrown away.
    const { port } = await bound.bind({
      address: options.address,
      port: options.port,
      exclusive: true,
    });
    if (options.broadcast) bound.setBroadcast(true);
    if (options.multicastFrom !== undefined) bound.setMulticastInterface(options.multicastFrom);
    if (options.multicastHops !== undefined) bound.setMulticastTTL(options.multicastHops);
    enlarge((bytes) => bound.setRecvBufferSize(bytes));
    enlarge((bytes) => bound.setSendBufferSize(bytes));
    const sending = sender(bound);
    const close = once(async () => {
      closing = true;
      inbox.end();
      await sending.settle();
      await bound.close().catch(ignore);
    });
    return {
      ok: true,
      socket: {
        port,
        datagrams: inbox,
        send: sending.send,
        join: (group, on) => joined(bound, group, on),
        failure: () => failure,
        [Symbol.asyncDispose]: close,
      },
    };
  } catch (error) {
    await bound.close().catch(ignore);
    return { ok: false, code: errorCode(error) };
  }
}

/**
 * A send whose socket closes in the same tick is never called back, so sends are settled first,
 * for a limited time, and the rest is answered here.
 */
function sender(bound: SocketAsPromised): {
  send: DatagramSocket['send'];
  settle: () => Promise<void>;
} {
  const pending = new Set<(code: string | null) => void>();
  let closing = false;
  let idle = (): void => undefined;

  function send(bytes: Uint8Array, port: number, address: string): Promise<string | null> {
    if (closing) return Promise.resolve(sendAfterClose);
    return new Promise((resolve) => {
      const settled = (code: string | null): void => {
        pending.delete(settled);
        resolve(code);
        if (pending.size === 0) idle();
      };
      pending.add(settled);
      bound.send(bytes, port, address).then(
        () => {
          settled(null);
        },
        (error: unknown) => {
          settled(errorCode(error));
        },
      );
    });
  }

  async function settle(): Promise<void> {
    closing = true;
    if (pending.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, settleSendsMs);
      idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    for (const settled of [...pending]) settled(sendAfterClose);
  }

  return { send, settle };
}

function joined(bound: SocketAsPromised, group: string, on: string): string | null {
  try {
    bound.addMembership(group, on);
    return null;
  } catch (error) {
    // What the system calls an address in use is a group that was joined before.
    const code = errorCode(error);
    return code === 'EADDRINUSE' ? null : code;
  }
}

/**
 * A thousand replies may arrive while the program is busy, and what is sent to hosts that are not there waits until the
 * system has given up looking for them; some systems refuse large buffers.
 */
function enlarge(setBytes: (bytes: number) => unknown): void {
  for (const bytes of bufferBytes) {
    try {
      setBytes(bytes);
      return;
    } catch {
      continue;
    }
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

function ignore(): void {
  // Closing what is closed already is no news.
}
