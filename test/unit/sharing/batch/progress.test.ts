import { batchProgress } from '#sharing/batch/progress.js';
import type { Progress } from '#sharing/transfer/progress.js';
import { expect, test } from 'vitest';

test('what moves at once counts together, and never goes back when one of it ends', () => {
  const told: Progress[] = [];
  let isCounted = false;
  const progress = batchProgress(
    (one) => told.push(one),
    () => isCounted,
  );
  for (const size of [100, 100, 5]) progress.offered(size);
  progress.moved(0, 60);
  progress.moved(1, 90);
  progress.over(2, 5);
  isCounted = true;
  progress.over(1, 100);
  progress.moved(0, 80);
  progress.over(0, 100);
  expect(told.map(({ bytes }) => bytes)).toEqual([60, 150, 155, 165, 185, 205]);
  expect(told[0]).toMatchObject({ size: 205, files: { done: 0, of: 3, counted: false } });
  expect(told.at(-1)).toMatchObject({ size: 205, files: { done: 3, of: 3, counted: true } });
});
