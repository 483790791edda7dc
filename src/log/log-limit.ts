/** How many lines of one kind and source a minute may have, and how many sources are remembered. */
const perMinute = 20;
const minute = 60_000;
const maxSources = 512;

/**
 * Keeps a noisy peer from filling the log: says `drop`, or how many lines were dropped before this one.
 * `now` is in milliseconds.
 */
export function eventLimit(now: () => number): (event: string, source: string) => number | 'drop' {
  const windows = new Map<string, { since: number; count: number; dropped: number }>();

  return (event, source) => {
    const key = `${event} ${source}`;
    const window = windows.get(key);
    if (!window || now() - window.since >= minute) {
      windows.delete(key);
      windows.set(key, { since: now(), count: 1, dropped: 0 });
      const [oldest] = windows.keys();
      if (windows.size > maxSources && oldest !== undefined) windows.delete(oldest);
      return window?.dropped ?? 0;
    }
    window.count += 1;
    if (window.count <= perMinute) return 0;
    window.dropped += 1;
    return 'drop';
  };
}
