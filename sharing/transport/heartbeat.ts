import { SharingError } from '#sharing/errors.js';

/** When silence means something; all in milliseconds. */
export interface Silence {
  /** After this long without sending anything, a ping is sent. */
  readonly heartbeat: number;
  /** After this long without hearing anything, the peer counts as gone. */
  readonly idle: number;
}

export interface Heartbeat {
  heard(): void;
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
  let lastHeard = performance.now();
  let lastSent = lastHeard;
  let deaf = false;
  let count = 0;

  const timer = setInterval(
    () => {
      const now = performance.now();
      if (!deaf && now - lastHeard >= idle) {
        gone(new SharingError('peer-silent', `nothing heard for ${Math.round(idle / 1000)} s`));
      } else if (now - lastSent >= interval) {
        lastSent = now;
        count += 1;
        ping(count);
      }
    },
    Math.min(1000, interval / 4),
  );
  timer.unref();

  return {
    heard: () => {
      lastHeard = performance.now();
    },
    sent: () => {
      lastSent = performance.now();
    },
    listening: (yes) => {
      deaf = !yes;
      lastHeard = performance.now();
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
