import { SharingError } from '#sharing/errors.js';
import { isMovement, type Came } from '#sharing/transport/heartbeat.js';
import type { Speech } from '#sharing/transport/connection.js';
import { refusalOf } from '#sharing/wire/refusal.js';

/** Fires once nothing moved for a time in which the other side was waited for. */
export interface StallWatch extends Disposable {
  moved(): void;
}

/**
 * How many stall times each side waits. A sender waits longer than a receiver: what it wrote may lie in
 * buffers between the two for a long time on a slow link, and the receiver sees sooner that nothing
 * comes. Longest is the wait for a receiver that brings a large file to its disk.
 */
export const patience = { receiver: 1, sender: 3, answer: 3, saving: 30 } as const;

/** Parts of the time that must each pass quietly. */
const looks = 8;

/**
 * Calls `stalled` after `time` milliseconds, times what `waiting` says, without `moved`; 0 says that we
 * wait for ourselves, which does not count. The time is counted in equal parts and not read from a
 * clock: a process that was stopped, or a machine that slept, listens again before it judges. Bytes that `came` are movement
 * too, when they are enough.
 */
export function watchStall(
  time: number,
  waiting: () => number,
  stalled: () => void,
  came: Came = { bytes: 0 },
): StallWatch {
  let quiet = 0;
  const timer = setInterval(() => {
    if (isMovement(came)) quiet = 0;
    const times = waiting();
    if (times === 0) return;
    quiet += 1;
    if (quiet <= looks * times) return;
    clearInterval(timer);
    stalled();
  }, time / looks);
  timer.unref();
  return {
    moved: () => {
      quiet = 0;
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

/** The same: the connection is closed, and the other side hears why. */
export function closeOnStall(
  connection: Pick<Speech, 'close'>,
  time: number,
  waiting: () => number,
  words: string,
  came?: Came,
): StallWatch {
  const close = (): void => {
    const error = new SharingError('stalled', words);
    connection.close(error, { t: 'error', ...refusalOf(error) });
  };
  return watchStall(time, waiting, close, came);
}

/** For one file of many that are watched together. */
export function noWatch(all: { moved(): void }): StallWatch {
  return {
    moved: () => {
      all.moved();
    },
    [Symbol.dispose]: () => undefined,
  };
}
