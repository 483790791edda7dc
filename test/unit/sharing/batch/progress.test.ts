import { batchProgress } from '#sharing/batch/progress.js';
import type { Progress } from '#sharing/transfer/progress.js';
import { expect, test } from 'vitest';

test('what moves at once counts together, and never goes back when one of it ends', async () => {
  const told: Progress[] = [];
  let isCounted = false;
  const progress = batchProgress(
    (one) => told.push(one),
    () => isCounted,
  );
  for (const size of [100, 100, 5]) progress.offered(size);
  const steps = [
    () => {
      progress.moved(0, 60);
    },
    () => {
      progress.moved(1, 90);
    },
    () => {
      progress.over(2, 5, false);
    },
    () => {
      progress.over(1, 100, true);
    },
    () => {
      progress.moved(0, 80, 30);
    },
    () => {
      progress.over(0, 100, true);
    },
  ];
  for (const [at, step] of steps.entries()) {
    isCounted = at > 2;
    step();
    await Promise.resolve();
  }
  expect(told.map(({ bytes }) => bytes)).toEqual([60, 150, 155, 165, 185, 205]);
  // What did not travel says nothing of how fast the line is.
  expect(told.map(({ had }) => had)).toEqual([0, 0, 5, 5, 35, 35]);
  expect(told[0]).toMatchObject({ size: 205, files: { done: 0, of: 3, counted: false } });
  expect(told.at(-1)).toMatchObject({ size: 205, files: { done: 3, of: 3, counted: true } });
});

test('what ends together is told once', async () => {
  const told: Progress[] = [];
  const progress = batchProgress(
    (one) => told.push(one),
    () => true,
  );
  for (let file = 0; file < 100; file += 1) progress.offered(5);
  for (let file = 0; file < 100; file += 1) progress.over(file, 5, true);
  await Promise.resolve();
  expect(told).toMatchObject([{ bytes: 500, size: 500, files: { done: 100 } }]);
});
