import type { Soon } from '#sharing/soon.js';
import { timeWithoutProcessor } from '#sharing/storage/thread-time.js';

/** Milliseconds after which a call counts as slow; those in which this thread wanted for a processor are not its own. */
const slow = 5;
/**
 * A disk that was slow is left alone for so many times as long as its call took: `first`, then `growth` times more for each
 * trial in which it is still slow, at most `most`; and never for more than `longest` milliseconds.
 */
const rest = { first: 20, growth: 4, most: 320, longest: 600_000 };
/**
 * Milliseconds after which a call in the thread pool counts as slow too. It waits for this thread as well, which stands
 * still for less.
 */
const surelySlow = 50;
/** Milliseconds of calls in one turn of this thread; then all else that waits has its turn. */
const turnTime = 2;
/** Calls of one slow disk that the thread pool has at once: it has four threads, and others need some too. */
const maxElsewhere = 2;

/**
 * How calls reach a disk. A call costs a fraction on this thread, but a slow disk would stop everybody. So many quick calls
 * are cut into slices, and a call that was slow is the last one for a while: the next ones go through the thread pool, a few
 * at a time, until none of them was slow for that while. Others lose a twentieth of their time at most, soon a hundredth
 * when the disk stays as slow, and nothing while a very slow one is in use.
 */
export interface DiskPace {
  /**
   * Makes the call in the one way or the other; `sync` and `later` do the same. At once if it is quick and its slice is not
   * used up. `later` must not call `run` again.
   */
  run<T>(sync: () => T, later: () => Promise<T>): Soon<T>;
}

/** The calls of one turn of this thread. */
interface Slice {
  /** Undefined while there is time left, for a call that follows at once; else resolves in the next turn. */
  next(): Promise<void> | undefined;
  used(milliseconds: number): void;
  /** Milliseconds of this turn in which this thread waited for a processor, since the first call. */
  waited(): number;
}

/** `waitedSoFar` is in milliseconds: how long this thread has waited for a processor by now. */
export function slices(waitedSoFar: () => number = timeWithoutProcessor): Slice {
  let time = 0;
  let turn: Promise<void> | undefined;
  let waitedBefore = 0;

  function start(): Promise<void> {
    waitedBefore = waitedSoFar();
    return new Promise((resolve) => {
      setImmediate(() => {
        time = 0;
        turn = undefined;
        resolve();
      });
    });
  }

  return {
    next() {
      turn ??= start();
      return time < turnTime ? undefined : turn;
    },
    used(milliseconds) {
      time += milliseconds;
    },
    waited: () => waitedSoFar() - waitedBefore,
  };
}

/** This thread has one loop, whatever the disks. */
const ofThread = slices();

/** `now` is in milliseconds of a clock that only goes forward. */
export function diskPace(
  now: () => number = () => performance.now(),
  slice: Slice = ofThread,
): DiskPace {
  let slowUntil = -Infinity;
  let times = rest.first;
  let elsewhere = 0;
  const waiting: (() => void)[] = [];

  function leaveAlone(began: number, time: number): void {
    const until = began + time + Math.min(times * time, rest.longest);
    slowUntil = Math.max(slowUntil, until);
  }

  async function elsewhereInTurn<T>(later: () => Promise<T>): Promise<T> {
    if (elsewhere >= maxElsewhere) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    } else elsewhere += 1;
    const began = now();
    try {
      return await later();
    } finally {
      const time = now() - began;
      if (time > surelySlow) leaveAlone(began, time);
      // Whoever waits next has our turn.
      const next = waiting.shift();
      if (next) next();
      else elsewhere -= 1;
    }
  }

  function run<T>(sync: () => T, later: () => Promise<T>): Soon<T> {
    const began = now();
    if (began < slowUntil) return elsewhereInTurn(later);
    const turn = slice.next();
    if (turn) return turn.then(() => run(sync, later));
    try {
      return sync();
    } finally {
      const time = now() - began;
      slice.used(time);
      if (time > slow && time - slice.waited() > slow) {
        leaveAlone(began, time);
        times = Math.min(times * rest.growth, rest.most);
      } else if (times > rest.first) times /= rest.growth;
    }
  }

  return { run };
}

const paces = new Map<bigint, DiskPace>();

/** The one pace of all that this process does with a device, by its number (`st_dev` of stat(2)). */
export function paceOf(device: bigint): DiskPace {
  const known = paces.get(device);
  if (known) return known;
  const pace = diskPace();
  paces.set(device, pace);
  return pace;
}
