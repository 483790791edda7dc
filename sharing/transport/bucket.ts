/** A token bucket: so much at once, and so much more each second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface Bucket {
  /** Takes one token, if there is one. */
  take(): boolean;
  /** Milliseconds until there is a token; 0 if there is one now. */
  wait(): number;
}

/** `now` is in milliseconds, of a clock that never goes back. */
export function bucket({ burst, perSecond }: Rate, now: () => number): Bucket {
  let tokens = burst;
  let filledAt = now();

  function fill(): void {
    const at = now();
    tokens = Math.min(burst, tokens + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
  }

  return {
    take() {
      fill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    wait() {
      fill();
      return tokens >= 1 ? 0 : ((1 - tokens) / perSecond) * 1000;
    },
  };
}
