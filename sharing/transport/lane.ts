import { asSharingError, SharingError } from '#sharing/errors.js';
import type { Connection, Speech } from '#sharing/transport/connection.js';
import { packedHeaderLength } from '#sharing/wire/frame.js';
import { setMaxListeners } from 'node:events';

/** What a chunk is sent over. */
export interface Carrier extends Pick<Connection, 'sendWhole'> {
  /** True once it broke: what went over it and was not confirmed may be lost. */
  readonly isLost: () => boolean;
}

/**
 * What one transfer speaks over: messages go over the session's own connection, bytes over a lane as soon as there is
 * one, so that the session stays usable however much they are in one another's way (PROTOCOL.md, "Lanes"). It is
 * aborted with the session.
 */
export interface Road extends Speech {
  /** Bytes go over this connection from now on. */
  attach(lane: Connection): void;
  /** What carries the next chunk: the lane on which least waits. */
  carrier(): Carrier;
  /** Told when a lane broke. Without it the whole road ends with any of its lanes. */
  surviveLanes(onLost: () => void): void;
  /** How many lanes there are now. */
  lanes(): number;
  /** True once bytes may have gone another way than messages: what was said last may come first. */
  hasLane(): boolean;
  /** Aborted when the transfer is over, or the session. */
  readonly over: AbortSignal;
  /** The transfer is over; its lanes end with it, or so many milliseconds later: who opened them closes them. */
  end(patience?: number): void;
}

/** A reason, so that no error is made for each transfer that ends as it should. */
const isOver = 'the transfer is over';

export function roadOver(control: Connection): Road {
  const ending = new AbortController();
  const { signal } = ending;
  setMaxListeners(0, signal);
  const lanes: Lane[] = [];
  const own = overControl(control, signal);
  let onLost: (() => void) | undefined;
  const over = new AbortController();
  let laned = false;

  const onControl = (): void => {
    abort(control.signal.reason);
  };
  if (control.signal.aborted) abort(control.signal.reason);
  control.signal.addEventListener('abort', onControl, { once: true });

  function abort(reason: unknown): void {
    ending.abort(asSharingError(reason));
    over.abort(isOver);
    for (const { connection } of [...lanes]) connection.close(asSharingError(reason));
  }

  /** What was read meanwhile must not go over the session, whose other end knows nothing of the transfer any more. */
  async function unended(send: () => Promise<void>): Promise<void> {
    signal.throwIfAborted();
    return send();
  }

  function freest(): Lane | undefined {
    return lanes.reduce<Lane | undefined>(
      (best, lane) => (best && best.waiting() <= lane.waiting() ? best : lane),
      undefined,
    );
  }

  /** Without an error it was ended in a friendly way; what went over it may be under way for ever all the same. */
  function lost(error: SharingError | undefined): void {
    if (onLost) onLost();
    else if (error) abort(new SharingError('connection-lost', 'a lane was lost', {}, error));
  }

  return {
    send(message) {
      control.send(message);
    },
    carrier: () => freest() ?? own,
    surviveLanes(listener) {
      onLost = listener;
    },
    sendPacked: (frames, moved) =>
      unended(() => (freest()?.connection ?? control).sendPacked(frames, moved)),
    sendDigests: (digests) => unended(() => control.sendDigests(digests)),
    async drained() {
      await control.drained();
      await Promise.all(lanes.map(({ connection }) => connection.drained()));
    },
    listening: () => control.listening() && lanes.every(({ connection }) => connection.listening()),
    close(error, last) {
      control.close(error, last);
    },
    signal,
    attach(connection) {
      if (over.signal.aborted) {
        connection.close();
        return;
      }
      const lane = laneOver(connection);
      lanes.push(lane);
      laned = true;
      void connection.closed.then((error) => {
        lanes.splice(lanes.indexOf(lane), 1);
        lane.leave();
        if (!over.signal.aborted) lost(error);
      });
    },
    lanes: () => lanes.length,
    hasLane: () => laned,
    over: over.signal,
    end(patience = 0) {
      over.abort(isOver);
      control.signal.removeEventListener('abort', onControl);
      const close = (): void => {
        for (const { connection } of lanes) connection.close(undefined, { t: 'bye' });
      };
      if (patience === 0) close();
      else setTimeout(close, patience).unref();
    },
  };
}

interface Lane extends Carrier {
  readonly connection: Connection;
  /** Chunks that it was given and that have not left. */
  waiting(): number;
  /** It is not there any more. */
  leave(): void;
}

function laneOver(connection: Connection): Lane {
  let waiting = 0;
  let gone = false;
  return {
    connection,
    waiting: () => waiting,
    isLost: () => gone,
    leave() {
      gone = true;
    },
    async sendWhole(header, room, moved) {
      waiting += 1;
      try {
        await connection.sendWhole(header, room, moved);
      } finally {
        waiting -= 1;
      }
    },
  };
}

/** The session's own connection: messages pass the chunks on it. */
function overControl(control: Connection, signal: AbortSignal): Carrier {
  return {
    isLost: () => false,
    async sendWhole(header, room, moved) {
      signal.throwIfAborted();
      const bytes = room.subarray(packedHeaderLength, packedHeaderLength + header.length);
      await control.sendChunk(header, bytes, moved);
    },
  };
}
