import type { OnProgress } from '#sharing/transfer/progress.js';

/** How far a batch is, with all that is under way at once. */
export interface BatchProgress {
  /** One file more, of so many bytes. */
  offered(size: number): void;
  /** So many bytes of a file are confirmed by now; `had` of them lay there before. */
  moved(file: number, bytes: number, had?: number): void;
  /** A file has ended, in whatever way; `came`: it travelled. */
  over(file: number, size: number, came: boolean): void;
}

/** `isCounted` tells whether all files are known. */
export function batchProgress(onProgress: OnProgress, isCounted: () => boolean): BatchProgress {
  /** Bytes of the files that are under way. */
  const moving = new Map<number, { readonly bytes: number; readonly had: number }>();
  let [of, size, done, confirmed, before] = [0, 0, 0, 0, 0];

  let isDue = false;

  /** Once for all that is said in one go: a group of files ends together. */
  function tellSoon(): void {
    if (isDue) return;
    isDue = true;
    queueMicrotask(tell);
  }

  function tell(): void {
    isDue = false;
    let [bytes, had] = [confirmed, before];
    for (const more of moving.values()) {
      bytes += more.bytes;
      had += more.had;
    }
    onProgress({ phase: 'sending', bytes, had, size, files: { done, of, counted: isCounted() } });
  }

  return {
    offered(bytes) {
      of += 1;
      size += bytes;
    },
    moved(file, bytes, had = 0) {
      moving.set(file, { bytes, had });
      tellSoon();
    },
    over(file, bytes, came) {
      before += came ? (moving.get(file)?.had ?? 0) : bytes;
      moving.delete(file);
      done += 1;
      confirmed += bytes;
      tellSoon();
    },
  };
}
