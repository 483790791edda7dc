import { busyTime } from '#sharing/storage/thread-time.js';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

const isTold = existsSync('/proc/thread-self/schedstat');

/** How much of the time that `work` took this thread was busy; 1 is all of it. */
function busyPart(work: () => void): number {
  const [began, was] = [performance.now(), busyTime() ?? NaN];
  work();
  return ((busyTime() ?? NaN) - was) / (performance.now() - began);
}

test.runIf(isTold)('a thread that works is busy, one that waits is not', () => {
  const until = performance.now() + 100;
  const worked = busyPart(() => {
    while (performance.now() < until);
  });
  const waited = busyPart(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  });
  expect(worked).toBeGreaterThan(0.5);
  expect(waited).toBeLessThan(0.5);
});
