import { sourceOf } from './source.js';

/** Milliseconds before a reply is sent, or why there is none. */
export type Admission =
  | { readonly answer: true; readonly delayMs: number }
  | {
      readonly answer: false;
      readonly reason: 'already-waiting' | 'source-budget' | 'global-budget';
    };

/** Decides which probes are answered, and when. */
export interface ReplyBudget {
  admit(address: string, port: number): Admission;
  /** The reply that was admitted for this searcher has left. */
  replied(address: string, port: number): void;
}

const replyLimits = {
  perSource: { burst: 10, perSecond: 5 },
  global: { burst: 500, perSecond: 500 },
  /** Entries of the source table, and of the searcher table. */
  tableSize: 1024,
  forgottenAfterMs: 60_000,
  firstDelayMs: 20,
  laterDelayMs: 200,
} as const;

interface Bucket {
  tokens: number;
  filledAt: number;
}

interface Searcher {
  waiting: boolean;
}

/**
 * Token buckets per source (`sourceOf`) and for all together; one waiting reply per searcher (address
 * and port). Without timers: everything is judged when a probe arrives. Source: PROTOCOL.md,
 * Responder.
 *
 * @param now milliseconds of a clock that never goes back
 * @param random 0 up to, not including, 1
 */
export function createReplyBudget(now: () => number, random: () => number): ReplyBudget {
  const { perSource, global, firstDelayMs, laterDelayMs } = replyLimits;
  const all: Bucket = { tokens: global.burst, filledAt: now() };
  const sources = recentTable<Bucket>(now);
  const searchers = recentTable<Searcher>(now);

  function admit(address: string, port: number): Admission {
    const key = searcherKey(address, port);
    const searcher = searchers.get(key);
    if (searcher?.waiting === true) return { answer: false, reason: 'already-waiting' };
    const payer = sourceOf(address);
    const source = sources.get(payer) ?? { tokens: perSource.burst, filledAt: now() };
    refill(source, perSource, now());
    if (source.tokens < 1) return { answer: false, reason: 'source-budget' };
    refill(all, global, now());
    if (all.tokens < 1) return { answer: false, reason: 'global-budget' };
    source.tokens -= 1;
    all.tokens -= 1;
    sources.keep(payer, source);
    searchers.keep(key, { waiting: true });
    // The first answer decides how fast a scan feels; the later rounds can spread out.
    const longest = searcher === undefined ? firstDelayMs : laterDelayMs;
    return { answer: true, delayMs: random() * longest };
  }

  return {
    admit,
    replied(address, port) {
      searchers.keep(searcherKey(address, port), { waiting: false });
    },
  };
}

function searcherKey(address: string, port: number): string {
  return `${address} ${port}`;
}

function refill(bucket: Bucket, limit: { burst: number; perSecond: number }, at: number): void {
  const gained = ((at - bucket.filledAt) / 1000) * limit.perSecond;
  bucket.tokens = Math.min(limit.burst, bucket.tokens + gained);
  bucket.filledAt = at;
}

interface RecentTable<Entry> {
  get(key: string): Entry | undefined;
  keep(key: string, entry: Entry): void;
}

/** Forgets what was not kept for a minute, and the oldest when it is full. */
function recentTable<Entry>(now: () => number): RecentTable<Entry> {
  const entries = new Map<string, { entry: Entry; keptAt: number }>();

  function forgetOld(): void {
    for (const [key, { keptAt }] of entries) {
      const old = now() - keptAt >= replyLimits.forgottenAfterMs;
      if (!old && entries.size <= replyLimits.tableSize) return;
      entries.delete(key);
    }
  }

  return {
    get(key) {
      forgetOld();
      return entries.get(key)?.entry;
    },
    keep(key, entry) {
      entries.delete(key);
      entries.set(key, { entry, keptAt: now() });
      forgetOld();
    },
  };
}
