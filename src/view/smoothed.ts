/** Milliseconds over which the rate is smoothed, and over which the time left follows it. */
const rateTime = 5000;
const leftTime = 4000;

/** Figures that people believe: a burst does not move them much, and what lasts does. */
export interface Smoothed {
  /** Bytes a second, the last seconds counting most; `bytes` are all that came until `at`, in milliseconds. */
  readonly rate: (at: number, bytes: number) => number;
  /** Milliseconds left: they run down with the clock, and come near to what the rate says only by and by. */
  readonly left: (at: number, estimate: number) => number;
}

export function smoothed(): Smoothed {
  let last: { readonly at: number; readonly bytes: number } | undefined;
  let mean = 0;
  /** How much of `mean` stands on what was seen; the rest is the nothing before. */
  let weight = 0;
  let shown: { readonly at: number; readonly left: number } | undefined;

  return {
    rate(at, bytes) {
      const time = at - (last?.at ?? at);
      if (last && time > 0) {
        const kept = Math.exp(-time / rateTime);
        const now = Math.max(0, (bytes - last.bytes) / time) * 1000;
        mean = mean * kept + now * (1 - kept);
        weight = weight * kept + (1 - kept);
      }
      if (!last || time > 0) last = { at, bytes };
      return weight === 0 ? 0 : mean / weight;
    },
    left(at, estimate) {
      const time = at - (shown?.at ?? at);
      const expected = shown ? Math.max(0, shown.left - time) : estimate;
      const kept = Math.exp(-time / leftTime);
      shown = { at, left: expected * kept + estimate * (1 - kept) };
      return shown.left;
    },
  };
}
