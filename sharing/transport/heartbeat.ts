import { SharingError } from '#sharing/errors.js';

/** When silence means something; all in milliseconds. */
export interface Silence {
  /** After this long without sending anything, a ping is sent. */
  readonly heartbeat: number;
  /** After this long without hearing anything, the peer counts as gone. */
  readonly idle: number;
}

/** Bytes of a chunk that count as a sign of life; single ones do not, or a drip would hold a place for ever. */
export const leastMovement = 16 * 1024;

/** Bytes of chunks that came. With every record of TLS they are only added; a timer looks whether they are enough. */
export interface Came {
  bytes: number;
}

/** True when what came since it last was is a sign of life. */
export function isMovement(came: Came): boolean {
  if (came.bytes < leastMovement) return false;
  came.bytes = 0;
  return true;
}

export interface Heartbeat {
  heard(): void;
  readonly came: Came;
  sent(): void;
  /** While we do not listen ourselves, the peer's silence says nothing. */
  listening(yes: boolean): void;
  stop(): void;
}

/**
 * Owns the idle time of one connection. Each side speaks at least every `heartbeat`, so that even while
 * bytes flow one way only, both hear that the other lives (PROTOCOL.md, "Heartbeat").
 */
export function heartbeat(
  { heartbeat: interval, idle }: Silence,
  ping: (n: number) => void,
  gone: (error: SharingError) => void,
): Heartbeat {
  // Counted in ticks and not read from a clock: after a sleep of this machine the peer gets its time anew.
  const tick = Math.min(1000, interval / 4);
  let unheard = 0;
  let unsent = 0;
  let deaf = false;
  const came: Came = { bytes: 0 };
  let count = 0;

  const timer = setInterval(() => {
    unsent += tick;
    if (isMovement(came)) unheard = 0;
    else if (!deaf) unheard += tick;
    if (unheard > idle) {
      gone(new SharingError('peer-silent', `nothing heard for ${Math.round(idle / 1000)} s`));
    } else if (unsent >= interval) {
      unsent = 0;
      count += 1;
      ping(count);
    }
  }, tick);
  timer.unref();

  return {
    heard: () => {
      unheard = 0;
    },
    came,
    sent: () => {
      unsent = 0;
    },
    listening: (yes) => {
      deaf = !yes;
      unheard = 0;
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
