import { asSharingError, SharingError } from '#sharing/errors.js';
import { dial, type Dialled, type DialOptions } from '#sharing/transport/dial.js';

/** The addresses of one server, the best first; one alone when it was typed. */
export type Hosts = readonly [string, ...string[]];

/** An address, and the port there. */
export interface Door {
  readonly host: string;
  readonly port: number;
}

export interface RaceOptions extends Omit<DialOptions, 'host'> {
  readonly hosts: Hosts;
  /** Tried after the hosts; none when not given. */
  readonly further?: readonly Door[] | undefined;
  /** Whose key is wanted; undefined: whoever answers first. */
  readonly expectedId: string | undefined;
}

/** The channel, and the one of the doors that it leads to. */
export interface Reached extends Dialled, Door {}

type Attempt = { readonly at: number } & (
  { readonly reached: Reached } | { readonly error: SharingError }
);

/** Milliseconds until the next address is tried beside the one before (RFC 8305, section 5: 150 to 250). */
const staggerTime = 200;
/** With very many addresses the time between two shrinks, so that none is left out. */
const shareToStart = 0.5;

/** Milliseconds that the other addresses have left once somebody else has answered at one. */
const timeAfterWrong = 3000;

/**
 * Opens the channel to a server by the first of its addresses that works: the next is tried after 200 ms, or when one
 * has failed (RFC 8305). An address where somebody else answers wins only when no other is left, or has answered within
 * 3 s of it, so that the wrong key is told. Throws as `dial`, for the best address; within `timeout` altogether.
 */
export async function dialFirst(options: RaceOptions, dialOne = dial): Promise<Reached> {
  const { hosts, further = [], expectedId, timeout, signal, ...rest } = options;
  const doors = [...hosts.map((host): Door => ({ host, port: rest.port })), ...further];
  let stagger = Math.min(staggerTime, (timeout * shareToStart) / doors.length);
  let patience: NodeJS.Timeout | undefined;
  const over = new AbortController();
  const stop = AbortSignal.any([over.signal, ...(signal ? [signal] : [])]);
  const deadline = performance.now() + timeout;
  const pending = new Map<number, Promise<Attempt>>();
  const errors: SharingError[] = [];
  let wrong: Reached | undefined;
  let started = 0;

  async function attempt(door: Door, at: number): Promise<Attempt> {
    const left = at === 0 ? timeout : Math.max(1, Math.ceil(deadline - performance.now()));
    try {
      const dialled = await dialOne({ ...rest, ...door, timeout: left, signal: stop });
      return { at, reached: { ...dialled, ...door } };
    } catch (error) {
      return { at, error: asSharingError(error) };
    }
  }

  function startNext(): void {
    const door = doors[started];
    if (door === undefined || (started > 0 && stop.aborted)) return;
    pending.set(started, attempt(door, started));
    started += 1;
  }

  function whyNot(): SharingError {
    const where = { host: hosts[0], port: options.port };
    const cancelled = new SharingError('cancelled', 'cancelled while connecting', where);
    return (signal?.aborted ? undefined : Object.values(errors)[0]) ?? cancelled;
  }

  try {
    startNext();
    while (pending.size > 0) {
      const ended = await firstOf([...pending.values()], started < doors.length ? stagger : null);
      if (ended !== undefined) pending.delete(ended.at);
      if (ended && 'error' in ended) errors[ended.at] = ended.error;
      if (ended && 'reached' in ended) {
        const { reached } = ended;
        const fits = expectedId === undefined || reached.serverId === expectedId;
        if (fits && !signal?.aborted) return reached;
        if (wrong !== undefined || fits) reached.socket.destroy();
        else {
          wrong = reached;
          stagger = Math.min(stagger, (timeAfterWrong * shareToStart) / doors.length);
          patience = setTimeout(() => {
            over.abort();
          }, timeAfterWrong);
        }
      }
      startNext();
    }
    if (wrong === undefined || signal?.aborted) throw whyNot();
    const told = wrong;
    wrong = undefined;
    return told;
  } finally {
    clearTimeout(patience);
    over.abort();
    wrong?.socket.destroy();
    for (const late of pending.values()) void late.then(hangUp);
  }
}

function hangUp(attempt: Attempt): void {
  if ('reached' in attempt) attempt.reached.socket.destroy();
}

/** The attempt that ends first; undefined when it is time for one more. */
async function firstOf(
  pending: readonly Promise<Attempt>[],
  staggerMs: number | null,
): Promise<Attempt | undefined> {
  if (staggerMs === null) return Promise.race(pending);
  let timer: NodeJS.Timeout | undefined;
  const due = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, staggerMs, undefined);
  });
  try {
    return await Promise.race([...pending, due]);
  } finally {
    clearTimeout(timer);
  }
}
