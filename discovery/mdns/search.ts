import { wait } from '#discovery/wait.js';
import { browseTimes, createBrowsing, type BrowsingOptions } from './browse.js';
import { createHolding, type HoldingOptions } from './holding.js';

export interface SearchOptions extends Omit<BrowsingOptions, 'onHits'>, HoldingOptions {
  readonly elapsedMs: () => number;
  /** Ends the search. */
  readonly signal: AbortSignal;
}

/** The part of a scan that asks by mDNS. */
export interface Search extends AsyncDisposable {
  /** Asks at its times; resolves after the last one or when the signal aborts. */
  run(): Promise<void>;
}

/** Disposing mentions what is still waiting for an answer to a probe, and closes all sockets. */
export function createSearch({ elapsedMs, signal, ...options }: SearchOptions): Search {
  const holding = createHolding(options);
  const browsing = createBrowsing({
    ...options,
    onHits(hits, source) {
      if (!signal.aborted) holding.take(hits, source);
    },
  });
  return {
    async run() {
      for (const at of browseTimes) {
        if (at > 0) await wait(at - elapsedMs(), signal);
        if (signal.aborted) return;
        browsing.round();
      }
    },
    async [Symbol.asyncDispose]() {
      holding.flush();
      await browsing[Symbol.asyncDispose]();
    },
  };
}
