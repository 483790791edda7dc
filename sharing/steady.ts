import type { ClientSession, TransferOptions } from '#sharing/client.js';
import { asSharingError, SharingError, type ErrorCode } from '#sharing/errors.js';
import type { OnEnded } from '#sharing/gathering.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { plainPath } from '#sharing/storage/path.js';
import { setTimeout as delay } from 'node:timers/promises';

export interface SteadyOptions {
  /** Opens a session anew; must fail unless it reaches this key. */
  readonly reopen: (expectedId: string, signal: AbortSignal) => Promise<ClientSession>;
  /** Milliseconds that a broken transfer tries to get back; 0 is not at all. */
  readonly patience: number;
  /** The connection broke in the middle of transfers, and is tried again; then it is back. Told once for all of them. */
  readonly onBroken: (error: SharingError) => void;
  readonly onBack: () => void;
  /** Resolves after so many milliseconds, rejects when the signal is aborted before. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
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

/** One way back, for all transfers that broke with the same connection. */
interface Return {
  readonly done: Promise<void>;
  /** Aborted when nobody waits for it any more. */
  readonly stop: AbortController;
  waiting: number;
}

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
  let coming: Return | undefined;
  let left = false;
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
        const used = current;
        try {
          return await work(used, { ...wish, onProgress, onEnded });
        } catch (thrown) {
          const error = asSharingError(thrown);
          idleBreaks += 1;
          const hopeless = !passing.includes(error.code) || idleBreaks > maxIdleBreaks;
          const isWanted = options.patience > 0 && !left && !wish.signal?.aborted;
          if (hopeless || !isWanted) throw error;
          // Another transfer may have brought the session back already.
          if (used === current) await back(error, wish.signal);
          before = new Set(told);
        }
      }
    } finally {
      working -= 1;
      if (working === 0 && lost) end(lost.error);
    }
  }

  /** Resolves when the session is back; whoever broke off with it waits for the same. */
  function back(error: SharingError, signal: AbortSignal | undefined): Promise<void> {
    const mine = (coming ??= startReturn(error));
    mine.waiting += 1;
    return new Promise<void>((resolve, reject) => {
      mine.done.then(resolve, reject);
      const onAbort = (): void => {
        reject(interrupted());
      };
      signal?.addEventListener('abort', onAbort, { once: true, signal: mine.stop.signal });
    }).finally(() => {
      mine.waiting -= 1;
      if (mine.waiting > 0) return;
      coming = undefined;
      mine.stop.abort();
    });
  }

  function startReturn(error: SharingError): Return {
    const stop = new AbortController();
    return { done: comeBack(error, stop.signal), stop, waiting: 0 };
  }

  async function comeBack(error: SharingError, signal: AbortSignal): Promise<void> {
    options.onBroken(error);
    const deadline = performance.now() + options.patience;
    for (let pause = firstPause; ; pause = Math.min(2 * pause, longestPause)) {
      if (performance.now() + pause > deadline) throw error;
      await wait(pause, signal).catch(() => {
        throw interrupted();
      });
      try {
        // It may only have been said to be broken.
        await current[Symbol.asyncDispose]();
        const session = await options.reopen(server.id, signal);
        if (signal.aborted) {
          await session[Symbol.asyncDispose]();
          throw interrupted();
        }
        follow(session);
        options.onBack();
        return;
      } catch (thrown) {
        const again = asSharingError(thrown);
        if (!passing.includes(again.code)) throw again;
      }
    }
  }

  /** What breaks from now on stays broken. */
  function leave(): void {
    left = true;
    coming?.stop.abort();
  }

  return {
    server,
    closed,
    list: (path, signal) => current.list(path, signal),
    get: (path, wish) => transfer(wish, (session, mine) => session.get(path, mine)),
    getList(paths, wish) {
      // What has come is not asked for again: its user may have done something with it by now.
      const open = new Map(paths.map((path) => [plainPath(path), path]));
      const onEnded: OnEnded = (ended) => {
        if (ended.outcome !== 'failed') open.delete(ended.path);
        wish.onEnded(ended);
      };
      return transfer({ ...wish, onEnded }, async (session, mine) => {
        const [first, ...others] = open.values();
        return first === undefined
          ? { links: 0, hidden: 0 }
          : session.getList([first, ...others], mine);
      });
    },
    stream: (path, wish) => transfer(wish, (session, mine) => session.stream(path, mine)),
    put: (files, wish) => transfer(wish, (session, mine) => session.put(files, mine)),
    newCode: (uses) => current.newCode(uses),
    status: () => current.status(),
    shutdown: () => current.shutdown(),
    bye() {
      leave();
      return current.bye();
    },
    [Symbol.asyncDispose]() {
      leave();
      return current[Symbol.asyncDispose]();
    },
  };
}

function interrupted(): SharingError {
  return new SharingError('cancelled', 'interrupted');
}

function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  return delay(milliseconds, undefined, { signal });
}
