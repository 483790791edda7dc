/** Milliseconds after which a call counts as slow. */
const slow = 5;
/** A disk that was slow is left alone for so many times as long, and at most for so many milliseconds. */
const rest = { times: 20, longest: 10_000 };

/**
 * How the calls of one transfer reach its disk. A call costs a fraction on this thread, but a slow disk would stop
 * everybody. So a call that was slow is the last one for a while: the next ones go through the thread pool, and others
 * lose a twentieth of their time at most. How long a call takes there says nothing: it waits for this thread too.
 */
export interface DiskPace {
  /** Makes the call in the one way or the other; `sync` and `later` do the same. */
  run<T>(sync: () => T, later: () => Promise<T>): T | Promise<T>;
}

/** `now` is in milliseconds of a clock that only goes forward. */
export function diskPace(now: () => number = () => performance.now()): DiskPace {
  let slowUntil = -Infinity;
  return {
    run(sync, later) {
      const began = now();
      if (began < slowUntil) return later();
      try {
        return sync();
      } finally {
        const time = now() - began;
        if (time > slow) slowUntil = began + time + Math.min(rest.times * time, rest.longest);
      }
    },
  };
}
