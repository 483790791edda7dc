import type { ClientSession, TransferOptions } from '#sharing/client.js';
import { asSharingError, SharingError, type ErrorCode } from '#sharing/errors.js';
import type { OnEnded } from '#sharing/gathering.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { setTimeout as delay } from 'node:timers/promises';

export interface SteadyOptions {
  /** Opens a session anew; must fail unless it reaches this key. */
  readonly reopen: (expectedId: string, signal: AbortSignal | undefined) => Promise<ClientSession>;
  /** Milliseconds that a broken transfer tries to get back; 0 is not at all. */
  readonly patience: number;
  /** The connection broke in the middle of a transfer, and is tried again; then it is back. */
  readonly onBroken: (error: SharingError) => void;
  readonly onBack: () => void;
  /** Resolves after so many milliseconds, rejects when the signal is aborted before. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Breaks that pass: the cable, the network, a machine that sleeps, a server that is started again. */
const passing: readonly ErrorCode[] = [
  'connection-lost',
  'peer-silent',
  'stalled',
  'connection-refused',
  'connect-timeout',
  'unreachable',
  'name-unresolved',
  'not-lanpost',
  'too-many-clients',
  'shutting-down',
];
/** What every transfer is told of. */
type Hooks = Pick<TransferOptions, 'onEnded' | 'onProgress' | 'signal'>;

/** Milliseconds before the first try, doubled up to the longest. */
const firstPause = 250;
const longestPause = 8000;
/** Breaks in a row without a byte between them after which it is no use. */
const maxIdleBreaks = 5;

/**
 * A session that outlives its connection while something is transferred: a break in the middle is mended by
 * connecting again, to the same key only, and going on where it stopped.
 */
export function steadySession(first: ClientSession, options: SteadyOptions): ClientSession {
  const { server } = first;
  const { wait = pauseFor } = options;
  let current = first;
  let working = 0;
  let lost: { readonly error: SharingError | undefined } | undefined;
  let end!: (error: SharingError | undefined) => void;
  const closed = new Promise<SharingError | undefined>((resolve) => {
    end = resolve;
  });

  /** A connection that ends while nothing is transferred is the end of the session. */
  function follow(session: ClientSession): void {
    current = session;
    lost = undefined;
    void session.closed.then((error) => {
      if (session !== current) return;
      lost = { error };
      if (working === 0) end(error);
    });
  }
  follow(first);

  async function transfer<T, Options extends Hooks>(
    wish: Options,
    work: (session: ClientSession, wish: Options) => Promise<T>,
  ): Promise<T> {
    let idleBreaks = 0;
    let most = 0;
    const onProgress: OnProgress = (progress) => {
      if (progress.phase === 'sending' && progress.bytes > most) {
        most = progress.bytes;
        idleBreaks = 0;
      }
      wish.onProgress?.(progress);
    };
    // What was told before a break is not told again after it.
    const told = new Set<string>();
    let before: ReadonlySet<string> = new Set();
    const onEnded: OnEnded = (ended) => {
      const key = JSON.stringify([ended.path, 'as' in ended ? ended.as : ended.error.code]);
      told.add(key);
      if (!before.has(key)) wish.onEnded(ended);
    };
    working += 1;
    try {
      for (;;) {
        try {
          return await work(current, { ...wish, onProgress, onEnded });
        } catch (thrown) {
          const error = asSharingError(thrown);
          idleBreaks += 1;
          const hopeless = !passing.includes(error.code) || idleBreaks > maxIdleBreaks;
          if (hopeless || options.patience === 0 || wish.signal?.aborted) throw error;
          await comeBack(error, wish.signal);
          before = new Set(told);
        }
      }
    } finally {
      working -= 1;
      if (working === 0 && lost) end(lost.error);
    }
  }

  async function comeBack(error: SharingError, signal: AbortSignal | undefined): Promise<void> {
    options.onBroken(error);
    const deadline = performance.now() + options.patience;
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      if (performance.now() + pause > deadline) throw error;
      await wait(pause, signal).catch(() => {
        throw new SharingError('cancelled', 'interrupted');
      });
      try {
        // It may only have been said to be broken.
        await current[Symbol.asyncDispose]();
        follow(await options.reopen(server.id, signal));
        options.onBack();
        return;
      } catch (thrown) {
        const again = asSharingError(thrown);
        if (!passing.includes(again.code)) throw again;
      }
    }
  }

  return {
    server,
    closed,
    list: (path, signal) => current.list(path, signal),
    get: (path, wish) => transfer(wish, (session, mine) => session.get(path, mine)),
    stream: (path, wish) => transfer(wish, (session, mine) => session.stream(path, mine)),
    put: (files, wish) => transfer(wish, (session, mine) => session.put(files, mine)),
    newCode: (uses) => current.newCode(uses),
    status: () => current.status(),
    shutdown: () => current.shutdown(),
    bye: () => current.bye(),
    [Symbol.asyncDispose]: () => current[Symbol.asyncDispose](),
  };
}

function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return delay(milliseconds, undefined, { ...(signal && { signal }) });
}
