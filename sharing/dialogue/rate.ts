/** How fast something moves, smoothed. */
export interface RateMeter {
  /** So many bytes were there by now. */
  at(bytes: number): void;
  /** Bytes a second, over the last 3 s. */
  rate(): number;
}

/** Milliseconds that are looked back on, that lie between two samples, and that say something at all. */
const window = 3000;
const step = 200;
const least = 400;

/** `clock` is in milliseconds and only goes forward. What was there at the first word did not move now. */
export function rateMeter(clock: () => number): RateMeter {
  let samples: { readonly at: number; readonly bytes: number }[] = [];
  let newest = 0;

  return {
    at(bytes) {
      const at = clock();
      newest = bytes;
      const last = samples.at(-1);
      if (last && at - last.at < step) return;
      samples = [...samples.filter((one) => at - one.at < window), { at, bytes }];
    },
    rate() {
      const at = clock();
      const first = samples.find((one) => at - one.at <= window);
      if (!first || at - first.at < least) return 0;
      return Math.max(0, Math.round(((newest - first.bytes) / (at - first.at)) * 1000));
    },
  };
}
