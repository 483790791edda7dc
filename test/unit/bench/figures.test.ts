import { describe, expect, test } from 'vitest';
import { median, pairedRatios, percentile, spread } from '../../bench/figures.js';

describe('the figures of the benchmark', () => {
  test.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[10, 9, 100], 10],
  ])('the median of %j is %d', (figures, middle) => {
    expect(median(figures)).toBe(middle);
  });

  test('figures keep their order, and none have no median', () => {
    const figures = [3, 1, 2];
    expect(spread(figures)).toEqual({ median: 2, min: 1, max: 3 });
    expect(figures).toEqual([3, 1, 2]);
    expect(() => median([])).toThrow(RangeError);
  });

  test('a percentile is one of the figures', () => {
    const figures = Array.from({ length: 200 }, (_, n) => 200 - n);
    expect(percentile(figures, 0.99)).toBe(198);
    expect(percentile(figures, 1)).toBe(200);
    expect(percentile([7], 0.5)).toBe(7);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });

  test('ratios pair the rounds: a slow moment hits both sides', () => {
    expect(pairedRatios([1, 2, 4], [2, 4, 8])).toEqual([2, 2, 2]);
    expect(() => pairedRatios([1], [1, 2])).toThrow(RangeError);
  });
});
