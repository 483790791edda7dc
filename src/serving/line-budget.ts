/** Lines of one kind that a screen takes within `span` milliseconds; what comes beyond is counted. */
const mostLines = 12;
const span = 5000;

/** Keeps a crowd from filling the screen. */
export interface LineBudget {
  /** Whether one line more of this kind may be shown now. */
  take(kind: string): boolean;
  /** How many were not, since they were last told of; 0 while more may still come at once. */
  left(): number;
  /** Nothing is left to be told. */
  isEmpty(): boolean;
}

/** `clock` is in milliseconds and only goes forward. */
export function lineBudget(clock: () => number): LineBudget {
  const windows = new Map<string, { readonly since: number; count: number }>();
  let untold = 0;

  return {
    take(kind) {
      const window = windows.get(kind);
      if (!window || clock() - window.since >= span) {
        windows.set(kind, { since: clock(), count: 1 });
        return true;
      }
      window.count += 1;
      if (window.count <= mostLines) return true;
      untold += 1;
      return false;
    },
    left() {
      const full = [...windows.values()].some(
        ({ since, count }) => count > mostLines && clock() - since < span,
      );
      if (full) return 0;
      const count = untold;
      untold = 0;
      return count;
    },
    isEmpty: () => untold === 0,
  };
}
