import { SharingError } from '#sharing/errors.js';
import { maxRanges, type Ranges } from '#sharing/wire/message.js';

/** Throws SharingError `protocol` unless the ranges are half open, ascending, apart and below `count`. */
export function mustBeRanges(ranges: Ranges, count: number): void {
  let end = -1;
  for (const [from, to] of ranges) {
    if (from <= end || to <= from || to > count) {
      throw new SharingError('protocol', `range ${from} to ${to} of ${count}`);
    }
    end = to;
  }
}

/** How many numbers lie in the ranges. */
export function countOf(ranges: Ranges): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** Ascending numbers as ranges, in parts of so many ranges as one message holds. */
export function rangesOf(numbers: readonly number[]): [number, number][][] {
  const parts: [number, number][][] = [];
  let part: [number, number][] = [];
  for (const number of numbers) {
    const last = part.at(-1);
    if (last?.[1] === number) {
      last[1] = number + 1;
      continue;
    }
    if (part.length === 0 || part.length === maxRanges) parts.push((part = []));
    part.push([number, number + 1]);
  }
  return parts;
}
