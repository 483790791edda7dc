import type { Transfers } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import { openChunk } from '#sharing/session/chunks.js';
import type { Incoming } from '#sharing/session/incoming.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Receiver } from '#sharing/transport/reading.js';
import { roadOver, type Road } from '#sharing/transport/lane.js';
import type { Message } from '#sharing/wire/message.js';
import { randomBytes } from 'node:crypto';

/** Lanes of one transfer, at most. */
const maxLanes = 2;

/** Lanes that clients asked for and have not opened: each is for one transfer of one client, once. */
export interface LaneTokens {
  /** 32 hexadecimal digits. */
  issue(ticket: Ticket): string;
  /** Throws SharingError `no-right` for a token that is none, or another machine's. */
  redeem(token: string, clientId: string): Ticket;
}

export interface Ticket {
  readonly clientId: string;
  /** The transfer. */
  readonly id: number;
  readonly transfers: Transfers;
}

export function laneTokens(): LaneTokens {
  const tickets = new Map<string, Ticket>();
  return {
    issue(ticket) {
      // What its transfer did not live to see is worth nothing.
      for (const [token, { id, transfers }] of tickets) {
        if (!transfers.roads.has(id)) tickets.delete(token);
      }
      const token = randomBytes(16).toString('hex');
      tickets.set(token, ticket);
      return token;
    },
    redeem(token, clientId) {
      const ticket = tickets.get(token);
      if (ticket?.clientId !== clientId) throw new SharingError('no-right', 'no such lane');
      tickets.delete(token);
      return ticket;
    },
  };
}

/** A token for one more lane of transfer `id`; undefined when it is over, or has enough. */
export function laneFor(
  tokens: LaneTokens,
  { clientId, id, transfers }: Ticket,
): string | undefined {
  const road = transfers.roads.get(id);
  if (!road || road.asked >= maxLanes) return undefined;
  road.asked += 1;
  return tokens.issue({ clientId, id, transfers });
}

/**
 * Opens a transfer's road to a lane, and gives what takes the bytes that come over it. Throws SharingError `no-right`
 * when the transfer is over.
 */
export function joinLane(transfers: Transfers, id: number, lane: Connection): Receiver {
  const entry = transfers.roads.get(id);
  if (!entry) throw new SharingError('no-right', 'no such lane');
  const chunks = openChunk();
  const intake = transfers.receiving.get(id)?.intake(() => {
    lane.close(undefined, { t: 'bye' });
  });
  entry.road.attach(lane);
  void lane.closed.then(() => intake?.lost());
  return (incoming: Incoming) => {
    switch (incoming.t) {
      case 'chunk':
        if (incoming.id !== id || !intake) break;
        chunks.begin(incoming);
        // What still comes of a transfer that is over is read past.
        return transfers.receiving.has(id) ? intake.chunk(incoming) : undefined;
      case 'data':
        chunks.data(incoming.bytes.length);
        if (transfers.receiving.has(id)) intake?.data(incoming.bytes);
        return undefined;
      case 'bye':
        lane.close();
        return undefined;
      case 'error':
        lane.close(new SharingError('connection-lost', 'the lane was closed'));
        return undefined;
      default:
    }
    throw new SharingError('protocol', `${incoming.t} is not legal on this lane`);
  };
}

/** Milliseconds that a client gets to close the lanes of a transfer that is over. */
const grace = 5000;

/** The road of one transfer, noted for its lanes; the server's side of it is disposed, the client's ended. */
export function openRoad(
  transfers: Transfers,
  control: Connection,
  id: number,
): { readonly road: Road } & Disposable {
  const road = roadOver(control);
  transfers.roads.set(id, { road, asked: 0, wanted: [] });
  return {
    road,
    [Symbol.dispose]: () => {
      transfers.roads.delete(id);
      road.end(grace);
    },
  };
}

export interface LaneOptions {
  /** Opens one more connection to the same server. */
  readonly dial: (signal: AbortSignal) => Promise<Connection>;
  readonly transfers: Transfers;
  /** The transfer. */
  readonly id: number;
  readonly hello: Message;
  /** Milliseconds until the server must be ready. */
  readonly helloTime: number;
}

/**
 * Opens the lane that the server gave a token for. What goes wrong on the way is no failure: the transfer goes on without
 * it.
 */
export async function openLane(options: LaneOptions): Promise<void> {
  const { dial, transfers, id, hello, helloTime } = options;
  const over = transfers.roads.get(id)?.road.over;
  const lane = over && (await dial(over).catch(() => undefined));
  if (!lane) return;
  const close = (): void => {
    lane.close(undefined, { t: 'bye' });
  };
  // Until it is ready it belongs to nobody who would end it.
  const timer = setTimeout(close, helloTime);
  void lane.closed.then(() => {
    clearTimeout(timer);
  });
  over.addEventListener('abort', close, { once: true, signal: lane.signal });
  if (over.aborted) close();
  let take: Receiver | undefined;
  lane.receive((incoming) => {
    if (take) return take(incoming);
    clearTimeout(timer);
    if (incoming.t === 'ready' && transfers.roads.has(id)) take = joinLane(transfers, id, lane);
    else close();
    return undefined;
  });
  lane.send(hello);
}
