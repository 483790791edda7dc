import type { Tally } from './events.js';

/** Counts words, and says when a count may be reported again. */
export interface Counter<Word extends string> {
  /** What happened since the last report, this time included; null while it is too early. */
  count(word: Word): number | null;
  totals(): Tally<Word>;
}

/**
 * A counter that lets each word be reported once per `periodMs`, so that no flood becomes a flood
 * of events. Infinity: only the first time.
 */
export function createCounter<Word extends string>(
  periodMs: number,
  now: () => number,
): Counter<Word> {
  const totals = new Map<Word, number>();
  const reports = new Map<Word, { at: number; total: number }>();

  return {
    count(word) {
      const total = (totals.get(word) ?? 0) + 1;
      totals.set(word, total);
      const last = reports.get(word);
      if (last !== undefined && now() - last.at < periodMs) return null;
      reports.set(word, { at: now(), total });
      return total - (last?.total ?? 0);
    },
    totals: () => Object.fromEntries(totals) as Tally<Word>,
  };
}
