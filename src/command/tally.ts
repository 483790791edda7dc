import type { Ended } from '#sharing/client.js';
import type { View } from '#src/view/view.js';

/** What became of all that one command moves to or from one place. */
export interface Tally {
  note(ended: Ended): void;
  /** Something that was named could not even be tried. */
  failed(): void;
  /** Tells all of it, if it was more than one file. */
  tell(view: View): void;
}

/** `place` is where it lies now: a folder here, or the name of a server. `now` is in milliseconds and only goes forward. */
export function openTally(place: string, now: () => number = () => performance.now()): Tally {
  const began = now();
  const sum = { files: 0, bytes: 0, identical: 0, skipped: 0, renamed: 0, failed: 0 };

  return {
    note(ended) {
      // The folder itself is told with all that is in it.
      if ('within' in ended) return;
      switch (ended.outcome) {
        case 'failed':
          sum.failed += 1;
          return;
        case 'skipped':
          sum.skipped += 1;
          return;
        case 'folder':
          sum.files += ended.files;
          sum.bytes += ended.bytes;
          sum.identical += ended.identical;
          sum.skipped += ended.skipped;
          sum.renamed += ended.renamed;
          return;
        case 'identical':
          sum.files += 1;
          sum.identical += 1;
          return;
        default:
          sum.files += 1;
          sum.bytes += ended.size;
          if (ended.renamed === true) sum.renamed += 1;
      }
    },
    failed() {
      sum.failed += 1;
    },
    tell(view) {
      if (sum.files + sum.skipped + sum.failed < 2) return;
      const seconds = Math.max(0.001, (now() - began) / 1000);
      view.show({
        event: 'summary',
        ...sum,
        seconds: Math.round(seconds * 1000) / 1000,
        rate: Math.round(sum.bytes / seconds),
        place,
      });
    },
  };
}
