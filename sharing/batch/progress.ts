import type { OnProgress } from '#sharing/transfer/progress.js';

/** How far a batch is, with all that is under way at once. */
export interface BatchProgress {
  /** One file more, of so many bytes. */
  offered(size: number): void;
  /** So many bytes of a file are confirmed by now. */
  moved(file: number, bytes: number): void;
  /** A file has ended, in whatever way. */
  over(file: number, size: number): void;
}

/** `isCounted` tells whether all files are known. */
export function batchProgress(onProgress: OnProgress, isCounted: () => boolean): BatchProgress {
  /** Bytes of the files that are under way. */
  const moving = new Map<number, number>();
  let [of, size, done, confirmed] = [0, 0, 0, 0];

  function tell(): void {
    let bytes = confirmed;
    for (const more of moving.values()) bytes += more;
    onProgress({ phase: 'sending', bytes, size, files: { done, of, counted: isCounted() } });
  }

  return {
    offered(bytes) {
      of += 1;
      size += bytes;
    },
    moved(file, bytes) {
      moving.set(file, bytes);
      tell();
    },
    over(file, bytes) {
      moving.delete(file);
      done += 1;
      confirmed += bytes;
      tell();
    },
  };
}
