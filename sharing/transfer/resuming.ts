import { chunkCount } from '#sharing/storage/digest.js';
import type { Landing } from '#sharing/storage/landing.js';
import { digestLength } from '#sharing/wire/frame.js';
import { maxRanges } from '#sharing/wire/message.js';

/** Half-open ranges of chunks. */
export type Ranges = [number, number][];

/** What has to travel, when some of a file may lie here from an earlier time. */
export interface Missing {
  /** For each chunk 1 if it has to travel. */
  readonly chunks: Uint8Array;
  readonly ranges: Ranges;
}

/** All but what is marked in `here`, as so many ranges as one want holds; the rest counts as missing. */
export function missingBut(here: Uint8Array): Missing {
  const ranges: Ranges = [];
  for (let chunk = 0; chunk < here.length; chunk += 1) {
    if (here[chunk] === 1) continue;
    const last = ranges.at(-1);
    if (last?.[1] === chunk) last[1] = chunk + 1;
    else if (ranges.length < maxRanges) ranges.push([chunk, chunk + 1]);
    else if (last) last[1] = chunk + 1;
  }
  const chunks = new Uint8Array(here.length);
  for (const [from, to] of ranges) chunks.fill(1, from, to);
  return { chunks, ranges };
}

/**
 * Compares what lies here with the digests of another state of the source, page by page; what is the same need
 * not travel, wherever it was written before.
 */
export interface SourceComparison {
  /** The next digests, in order. */
  compare(digests: Buffer): Promise<void>;
  /** Once all digests were compared: for each chunk 1 if it is good. */
  good(): Uint8Array | undefined;
}

export function compareWithSource(landing: Landing, size: number): SourceComparison {
  const good = new Uint8Array(chunkCount(size));
  let compared = 0;
  return {
    async compare(page) {
      for (let at = 0; at < page.length; at += digestLength) {
        const digest = page.subarray(at, at + digestLength);
        const claimed = landing.claims[compared] === 1;
        if (claimed && (await landing.verify(compared, digest))) good[compared] = 1;
        compared += 1;
      }
    },
    good: () => (compared === good.length ? good : undefined),
  };
}
