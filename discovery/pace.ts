export const SHORTEST_SCAN_MS = 300;
export const LONGEST_SCAN_MS = 10_000;

const FIRST_ROUNDS_MS = [0, 120, 400, 900];
/** Some firewalls let replies in for three seconds after a probe, so long scans go on asking. */
const LONG_SCAN_MS = 3000;
const LATER_ROUND_EVERY_MS = 2000;
const EARLIEST_QUIET_END_MS = 1000;
const QUIET_MS = 500;
/** The longest delay of a reply, and its way. */
const LAST_ROUND_ANSWERED_MS = 150;

export interface Progress {
  readonly timeoutMs: number;
  /** Since the start; null while nothing was found. */
  readonly lastNewMs: number | null;
}

/** When probes are sent, in milliseconds since the start. Source: PROTOCOL.md, Scanner. */
export function roundTimes(timeoutMs: number): readonly number[] {
  const rounds = FIRST_ROUNDS_MS.filter((at) => at < timeoutMs);
  if (timeoutMs <= LONG_SCAN_MS) return rounds;
  for (let at = 900 + LATER_ROUND_EVERY_MS; at < timeoutMs; at += LATER_ROUND_EVERY_MS) {
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
  const answered = 900 + LAST_ROUND_ANSWERED_MS;
  const quiet = Math.max(EARLIEST_QUIET_END_MS, answered, lastNewMs + QUIET_MS);
  return Math.min(timeoutMs, quiet);
}

/** The timeout within its bounds. */
export function boundedTimeout(timeoutMs: number): number {
  return Math.min(LONGEST_SCAN_MS, Math.max(SHORTEST_SCAN_MS, timeoutMs));
}
