import { asSharingError, SharingError } from '#sharing/errors.js';
import type { Connection } from '#sharing/transport/connection.js';
import { packedHeaderLength } from '#sharing/wire/frame.js';
import { setMaxListeners } from 'node:events';

/**
 * What one transfer speaks over: messages go over the session's own connection, bytes over a lane as soon as there is
 * one, so that the session stays usable however much they are in one another's way (PROTOCOL.md, "Lanes"). It is
 * aborted with the session, and when its lane breaks.
 */
export interface Road extends Connection {
  /** Bytes go over this connection from now on. */
  attach(lane: Connection): void;
  /** True once bytes may have gone another way than messages: what was said last may come first. */
  hasLane(): boolean;
  /** The transfer is over; its lanes end with it, or so many milliseconds later: who opened them closes them. */
  end(patience?: number): void;
}

export function roadOver(control: Connection): Road {
  const ending = new AbortController();
  const { signal } = ending;
  setMaxListeners(0, signal);
  const lanes: Connection[] = [];
  let over = false;
  let laned = false;
  let next = 0;

  const onControl = (): void => {
    abort(control.signal.reason);
  };
  if (control.signal.aborted) abort(control.signal.reason);
  control.signal.addEventListener('abort', onControl, { once: true });

  function abort(reason: unknown): void {
    ending.abort(asSharingError(reason));
    for (const lane of [...lanes]) lane.close(asSharingError(reason));
  }

  /** Each chunk takes the lane after the one before. */
  function carrier(): Connection {
    next += 1;
    return lanes[next % lanes.length] ?? control;
  }

  return {
    send(message) {
      control.send(message);
    },
    sendWhole(header, room, moved) {
      const lane = carrier();
      if (lane !== control) return lane.sendWhole(header, room, moved);
      // Here messages pass.
      const bytes = room.subarray(packedHeaderLength, packedHeaderLength + header.length);
      return control.sendChunk(header, bytes, moved);
    },
    sendChunk: (header, bytes, moved) => carrier().sendChunk(header, bytes, moved),
    sendPacked: (frames, moved) => carrier().sendPacked(frames, moved),
    sendDigests: (digests) => control.sendDigests(digests),
    async drained() {
      await control.drained();
      await Promise.all(lanes.map((lane) => lane.drained()));
    },
    receive() {
      throw new SharingError('internal', 'a road is read from elsewhere');
    },
    listening: () => control.listening() && lanes.every((lane) => lane.listening()),
    close(error, last) {
      control.close(error, last);
    },
    signal,
    closed: control.closed,
    attach(lane) {
      if (over || signal.aborted) {
        lane.close();
        return;
      }
      lanes.push(lane);
      laned = true;
      void lane.closed.then((error) => {
        lanes.splice(lanes.indexOf(lane), 1);
        // One that is ended in a friendly way is only not used any more.
        if (error && !over)
          abort(new SharingError('connection-lost', 'a lane was lost', {}, error));
      });
    },
    hasLane: () => laned,
    end(patience = 0) {
      over = true;
      control.signal.removeEventListener('abort', onControl);
      const close = (): void => {
        for (const lane of lanes) lane.close(undefined, { t: 'bye' });
      };
      if (patience === 0) close();
      else setTimeout(close, patience).unref();
    },
    [Symbol.asyncDispose]: () => control[Symbol.asyncDispose](),
  };
}
