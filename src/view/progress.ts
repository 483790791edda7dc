import type { Progress } from '#sharing/local.js';
import { shortened } from './columns.js';
import { bytesText, durationText, leftText } from './format.js';
import { quote } from './quote.js';
import { smoothed } from './smoothed.js';

/** Turns the progress of one transfer into the text of the status line; undefined before the other side has said anything. */
export type ProgressText = (progress: Progress | undefined, columns: number) => string;

/** Milliseconds without a byte after which it is a stall, before and after the first one. */
const firstStall = 10_000;
const stallTime = 3000;
/** On a slow link bytes are confirmed seldom: so many times the longest wait of late is no stall yet. */
const patience = 2.5;
const longestPatience = 60_000;
/** Milliseconds after which a rate is worth showing. */
const settleTime = 500;
/** Columns that the figures take; what is left is the name's, but for a few that it has in any case. */
const figures = 56;
const shortestName = 12;

/** `now` is in milliseconds of any clock that only goes forward; `sizeText` says how a size is shown. */
export function progressText(
  name: string,
  now: () => number,
  sizeText: (bytes: number) => string = bytesText,
): ProgressText {
  const began = now();
  const { rate, left } = smoothed();
  let gaps: readonly number[] = [];
  let moved: { at: number; bytes: number; done: number } = { at: began, bytes: -1, done: 0 };
  let hasMoved = false;
  let first: number | undefined;

  function follow({ bytes, files }: Progress, at: number): void {
    const done = files?.done ?? 0;
    // Empty files are done without a byte.
    if (bytes === moved.bytes && done === moved.done) return;
    if (hasMoved) gaps = [...gaps.slice(-4), at - moved.at];
    hasMoved = bytes > 0 || done > 0;
    moved = { at, bytes, done };
  }

  function stalled(at: number): boolean {
    const usual = Math.min(longestPatience, patience * Math.max(0, ...gaps));
    return at - moved.at >= (hasMoved ? Math.max(stallTime, usual) : firstStall);
  }

  return (progress, columns) => {
    const at = now();
    const shown = shortened(quote(name), Math.max(shortestName, columns - figures));
    if (!progress || progress.phase === 'deciding') return `${shown}  waiting for the other side`;
    const { phase, bytes, size, files } = progress;
    if (phase === 'comparing') {
      return `${shown}  comparing with what is here  ${percent(bytes, size)} %`;
    }
    if (phase === 'saving') return `${shown}  saving`;
    follow(progress, at);
    const head = files
      ? `${shown}  ${files.done} of ${files.of}${files.counted ? '' : '+'} files  ${sizeText(bytes)}`
      : `${shown}  ${percent(bytes, size)} %  ${sizeText(bytes)} of ${sizeText(size)}`;
    first ??= at;
    const perSecond = rate(at, bytes - (progress.had ?? 0));
    if (stalled(at)) return `${head}  stalled: nothing moved for ${durationText(at - moved.at)}`;
    if (at - first < settleTime || perSecond < 1) return head;
    const speed = `${head}  ${sizeText(Math.round(perSecond))}/s`;
    // Nobody knows how much is left before all is counted.
    if (files?.counted === false) return speed;
    return `${speed}  ${leftText(left(at, ((size - bytes) / perSecond) * 1000))} left`;
  };
}

function percent(bytes: number, size: number): number {
  return size === 0 ? 100 : Math.floor((100 * bytes) / size);
}
