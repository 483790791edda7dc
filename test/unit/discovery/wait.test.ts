import { expect, test } from 'vitest';
import { wait } from '#discovery/wait.js';

const outcome = (ms: number, signal: AbortSignal): Promise<string> =>
  Promise.race([
    wait(ms, signal).then(() => 'over'),
    new Promise<string>((resolve) => setTimeout(resolve, 2000, 'still waiting')),
  ]);

test('ends by time', async () => {
  expect(await outcome(1, new AbortController().signal)).toBe('over');
});

test('ends when the signal aborts, before or while it waits', async () => {
  const stop = new AbortController();
  const waiting = outcome(60_000, stop.signal);
  stop.abort();
  expect(await waiting).toBe('over');
  expect(await outcome(60_000, AbortSignal.abort())).toBe('over');
});
