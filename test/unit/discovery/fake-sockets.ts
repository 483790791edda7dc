import { createInbox, type Inbox } from '#discovery/inbox.js';
import type { Datagram, DatagramSocket, OpenSocket, SocketOptions } from '#discovery/socket.js';

/** A socket without a system behind it: any source, any error. */
export interface FakeSocket extends DatagramSocket {
  readonly options: SocketOptions;
  readonly sent: { bytes: Uint8Array; port: number; address: string }[];
  readonly joins: { group: string; on: string }[];
  disposals: number;
  sendCode: string | null;
  joinCode: string | null;
  send: DatagramSocket['send'];
  deliver: (text: string, address: string, port: number) => void;
  /** As an error event does. */
  fail: (code: string) => void;
}

/** Opens fake sockets; `refuse` holds the codes with which the next attempts fail. */
export function fakeSockets(refuse: string[] = []): { open: OpenSocket; sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  return {
    sockets,
    open: (options) => {
      const code = refuse.shift();
      if (code !== undefined) return Promise.resolve({ ok: false, code });
      const socket = fakeSocket(options);
      sockets.push(socket);
      return Promise.resolve({ ok: true, socket });
    },
  };
}

function fakeSocket(options: SocketOptions): FakeSocket {
  const inbox: Inbox<Datagram> = createInbox(1000);
  let failure: string | null = null;
  const socket: FakeSocket = {
    options,
    port: options.port,
    datagrams: inbox,
    sent: [],
    joins: [],
    disposals: 0,
    sendCode: null,
    joinCode: null,
    failure: () => failure,
    deliver: (text, address, port) => {
      inbox.offer({ bytes: Buffer.from(text, 'latin1'), address, port });
    },
    fail: (code) => {
      failure = code;
      inbox.end();
    },
    join: (group, on) => {
      socket.joins.push({ group, on });
      return socket.joinCode;
    },
    send: (bytes, port, address) => {
      socket.sent.push({ bytes, port, address });
      return Promise.resolve(socket.sendCode);
    },
    [Symbol.asyncDispose]: () => {
      socket.disposals += 1;
      inbox.end();
      return Promise.resolve();
    },
  };
  return socket;
}
