/** The middle of some figures and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle figure, or the mean of the two in the middle. Throws RangeError when there is none. */
export function median(figures: readonly number[]): number {
  if (figures.length === 0) throw new RangeError('no figures');
  const sorted = [...figures].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Throws RangeError when there is no figure. */
export function spread(figures: readonly number[]): Spread {
  return { median: median(figures), min: Math.min(...figures), max: Math.max(...figures) };
}

/** The figure that `share` (0 to 1) of all figures do not exceed (nearest rank). Throws RangeError when there is none. */
export function percentile(figures: readonly number[], share: number): number {
  if (figures.length === 0) throw new RangeError('no figures');
  const sorted = [...figures].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/**
 * How many times as fast as the peer lanpost was, round by round: the time of the peer over its own. Throws
 * RangeError when the rounds do not pair up.
 */
export function pairedRatios(own: readonly number[], peer: readonly number[]): number[] {
  if (own.length !== peer.length) throw new RangeError(`${own.length} and ${peer.length} rounds`);
  return own.map((time, round) => peer[round]! / time);
}
