const shortestScanMs = 300;
const longestScanMs = 10_000;

/** The last of the rounds that every scan of the usual length has. */
const lastEarlyRoundMs = 900;
/** A round asks over IPv6 so much later: most replies over IPv4 are there by then, so that rows begin with the address that people know. */
export const linksLaterMs = 25;
const secondRoundMs = 120;
/** By then the replies to the first round have left the queues of a slow link, and those of the second fit in. */
const crowdedSecondRoundMs = 200;
const firstRoundsMs = [0, secondRoundMs, 400, lastEarlyRoundMs];
/** Some firewalls let replies in for three seconds after a probe, so long scans go on asking. */
const longScanMs = 3000;
const laterRoundEveryMs = 2000;
const quietMs = 500;
const usualScanMs = 1500;
/** A scan with a sweep takes this long, if nobody answers; all that a sweep can find has answered by then. */
const sweptScanMs = 2500;
const lateSweepMs = 1000;
const deepSweepMs = 200;
/** The longest delay of a reply, and its way. */
const lastRoundAnsweredMs = 230;

/** How many addresses are asked one by one at once, and after how long the next ones: 2000 a second. */
export const burst = 16;
/** Milliseconds. */
export const burstEveryMs = 8;

export interface Progress {
  readonly timeoutMs: number;
  /** Since the start; null while nothing was found. */
  readonly lastNewMs: number | null;
  /** When the sweep had asked everybody, since the start; null while it is under way, missing without one. */
  readonly sweptMs?: number | null;
}

/** When probes are sent, in milliseconds since the start. Source: PROTOCOL.md, Scanner. */
export function roundTimes(timeoutMs: number): readonly number[] {
  const rounds = firstRoundsMs.filter((at) => at < timeoutMs);
  if (timeoutMs <= longScanMs) return rounds;
  for (let at = lastEarlyRoundMs + laterRoundEveryMs; at < timeoutMs; at += laterRoundEveryMs) {
    rounds.push(at);
  }
  return rounds;
}

/** The round in which all are asked over IPv6 too, however many have answered: the last of the early ones that a scan has. */
export function lastRoundForAll(timeoutMs: number): number {
  const early = firstRoundsMs.filter((at) => at + linksLaterMs < timeoutMs);
  return early.at(-1) ?? 0;
}

/** When a round is really sent: where very many have answered, the second one waits until the network is free again. */
export function roundTime(at: number, isCrowded: boolean): number {
  return at === secondRoundMs && isCrowded ? crowdedSecondRoundMs : at;
}

/**
 * When the scan ends if nothing more is found, in milliseconds since its start. Nothing found at
 * all: only at the timeout, for a sleeping radio may still deliver the last round.
 */
export function scanEnd({ timeoutMs, lastNewMs, sweptMs }: Progress): number {
  const latest = sweptMs === undefined ? timeoutMs : Math.max(timeoutMs, sweptScanMs);
  if (lastNewMs === null || sweptMs === null) return latest;
  const answered = lastEarlyRoundMs + lastRoundAnsweredMs;
  const lastAskedMs = sweptMs ?? 0;
  const quiet = Math.max(answered, lastNewMs + quietMs, lastAskedMs + quietMs);
  return Math.min(latest, quiet);
}

/**
 * When hosts are asked one by one if nobody answered until then, in milliseconds since the start; null when they are not:
 * a scan that is shorter than usual is meant to be short.
 */
export function sweepTime({
  timeoutMs,
  deep,
}: {
  timeoutMs: number;
  deep: boolean;
}): number | null {
  if (deep) return deepSweepMs;
  return timeoutMs < usualScanMs ? null : lateSweepMs;
}

/** The timeout within its bounds. */
export function boundedTimeout(timeoutMs: number): number {
  return Math.min(longestScanMs, Math.max(shortestScanMs, timeoutMs));
}
