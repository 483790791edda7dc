export const shortestScanMs = 300;
export const longestScanMs = 10_000;

const firstRoundsMs = [0, 120, 400, 900];
/** Some firewalls let replies in for three seconds after a probe, so long scans go on asking. */
const longScanMs = 3000;
const laterRoundEveryMs = 2000;
const earliestQuietEndMs = 1000;
const quietMs = 500;
/** The longest delay of a reply, and its way. */
const lastRoundAnsweredMs = 150;

export interface Progress {
  readonly timeoutMs: number;
  /** Since the start; null while nothing was found. */
  readonly lastNewMs: number | null;
}

/** When probes are sent, in milliseconds since the start. Source: PROTOCOL.md, Scanner. */
export function roundTimes(timeoutMs: number): readonly number[] {
  const rounds = firstRoundsMs.filter((at) => at < timeoutMs);
  if (timeoutMs <= longScanMs) return rounds;
  for (let at = 900 + laterRoundEveryMs; at < timeoutMs; at += laterRoundEveryMs) {
    rounds.push(at);
  }
  return rounds;
}

/**
 * When the scan ends if nothing more is found, in milliseconds since its start. Nothing found at
 * all: only at the timeout, for a sleeping radio may still deliver the last round.
 */
export function scanEnd({ timeoutMs, lastNewMs }: Progress): number {
  if (lastNewMs === null) return timeoutMs;
  const answered = 900 + lastRoundAnsweredMs;
  const quiet = Math.max(earliestQuietEndMs, answered, lastNewMs + quietMs);
  return Math.min(timeoutMs, quiet);
}

/** The timeout within its bounds. */
export function boundedTimeout(timeoutMs: number): number {
  return Math.min(longestScanMs, Math.max(shortestScanMs, timeoutMs));
}
