import type { Progress } from '#sharing/local.js';
import { bytesText, durationText } from './format.js';
import { quote } from './quote.js';

/** Turns the progress of one file into the text of the status line. */
export type ProgressText = (progress: Progress) => string;

/** Milliseconds over which the rate is smoothed, and without a byte after which it is a stall. */
const window = 3000;
const stallTime = 3000;

/** `now` is in milliseconds of any clock that only goes forward; `sizeText` says how a size is shown. */
export function progressText(
  name: string,
  now: () => number,
  sizeText: (bytes: number) => string = bytesText,
): ProgressText {
  let samples: { readonly at: number; readonly bytes: number }[] = [];
  let moved = { at: now(), bytes: 0 };

  return ({ phase, bytes, size, files }) => {
    const at = now();
    if (bytes !== moved.bytes) moved = { at, bytes };
    samples = [...samples.filter((sample) => at - sample.at < window), { at, bytes }];
    const shown = quote(name);
    if (phase === 'comparing') return `${shown}  comparing with what is here`;
    if (phase === 'saving') return `${shown}  saving`;
    const share = size === 0 ? 100 : Math.floor((100 * bytes) / size);
    const head = files
      ? `${shown}  ${files.done} of ${files.of}${files.counted ? '' : '+'} files  ${sizeText(bytes)}`
      : `${shown}  ${share} %  ${sizeText(bytes)} of ${sizeText(size)}`;
    if (at - moved.at >= stallTime) {
      return `${head}  stalled: nothing moved for ${durationText(at - moved.at)}`;
    }
    const rate = rateOf(samples);
    if (rate === 0) return head;
    // Nobody knows how much is left before all is counted.
    if (files?.counted === false) return `${head}  ${sizeText(Math.round(rate))}/s`;
    return `${head}  ${sizeText(Math.round(rate))}/s  ${durationText(((size - bytes) / rate) * 1000)} left`;
  };
}

function rateOf(samples: readonly { readonly at: number; readonly bytes: number }[]): number {
  const [first] = samples;
  const last = samples.at(-1);
  if (!first || !last || last.at - first.at < 200) return 0;
  return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
}
