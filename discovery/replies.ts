import { claimOf } from './claims.js';
import type { DatagramSocket } from './socket.js';
import { decodeReply } from './wire/announcement.js';

/** Somebody who answered a probe; nothing of it is proven. */
export interface Answered {
  /** Where the reply came from. */
  readonly address: string;
  readonly name: string;
  /** Null for a server that sent only the line for people. */
  readonly id: string | null;
  /** TCP. */
  readonly port: number;
}

export interface Replies {
  /** Each server once per address, in the order in which they came; waits for the socket to end. */
  all(): Promise<readonly Answered[]>;
}

const mostAnswers = 1024;

/** Reads the replies that come to a socket; none for a socket that could not be opened. */
export function createReplies(socket: DatagramSocket | null): Replies {
  const answers = new Map<string, Answered>();
  const reading = (async () => {
    for await (const { bytes, address } of socket?.datagrams ?? []) {
      const reply = decodeReply(bytes);
      if (reply.kind === 'malformed' || answers.size >= mostAnswers) continue;
      const { name, id, port } = claimOf(reply);
      answers.set(`${address} ${port} ${id ?? name}`, { address, name, id, port });
    }
  })();
  return {
    async all() {
      await reading;
      return [...answers.values()];
    },
  };
}
