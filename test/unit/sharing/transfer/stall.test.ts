import { watchStall } from '#sharing/transfer/stall.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const time = 8000;

test('fires once, not before its time without movement', () => {
  const stalled = vi.fn();
  using watch = watchStall(time, () => 1, stalled);
  vi.advanceTimersByTime(7000);
  watch.moved();
  vi.advanceTimersByTime(time);
  expect(stalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(10 * time);
  expect(stalled).toHaveBeenCalledOnce();
});

test('time in which we wait for ourselves does not count', () => {
  const stalled = vi.fn();
  let times = 0;
  using _watch = watchStall(time, () => times, stalled);
  vi.advanceTimersByTime(10 * time);
  times = 3;
  vi.advanceTimersByTime(3 * time);
  expect(stalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2000);
  expect(stalled).toHaveBeenCalledOnce();
});

test('a process that was stopped listens again before it judges', () => {
  const stalled = vi.fn();
  using _watch = watchStall(time, () => 1, stalled);
  // The clock jumps, and a timer that was due many times fires once.
  vi.setSystemTime(Date.now() + 100 * time);
  vi.advanceTimersToNextTimer();
  expect(stalled).not.toHaveBeenCalled();
});

test('bytes are movement when they are enough, and single ones never', () => {
  const stalled = vi.fn();
  const came = { bytes: 0 };
  using _watch = watchStall(time, () => 1, stalled, came);
  for (let passed = 0; passed < 10 * time; passed += 1000) {
    came.bytes += 16 * 1024;
    vi.advanceTimersByTime(1000);
  }
  expect(stalled).not.toHaveBeenCalled();
  for (let passed = 0; passed <= 2 * time; passed += 1000) {
    came.bytes += 1;
    vi.advanceTimersByTime(1000);
  }
  expect(stalled).toHaveBeenCalledOnce();
});
