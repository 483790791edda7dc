/** Tells those who wait that something has happened. */
export interface Gate {
  open(): void;
  /** Resolves at the next `open`. */
  wait(): Promise<void>;
}

export function gate(): Gate {
  let waiting: (() => void)[] = [];
  return {
    open() {
      if (waiting.length === 0) return;
      const all = waiting;
      waiting = [];
      for (const resolve of all) resolve();
    },
    wait: () => new Promise((resolve) => waiting.push(resolve)),
  };
}

/** Waits for all of it, and throws what the first of those that failed did: what one half still does must not outlive the other. */
export async function allEnded(halves: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(halves);
  await Promise.all(halves);
}
