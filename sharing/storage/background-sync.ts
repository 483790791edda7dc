import type { FileHandle } from 'node:fs/promises';

/** Bytes that are written before what was written so far is brought to the disk, beside the rest. */
const syncLength = 256 * 1024 * 1024;
/** Milliseconds after which that is done in any case. */
const syncTime = 5000;

/** The syncs of one partial. */
export interface BackgroundSync {
  /** So much more lies in the system's memory. */
  written(bytes: number): void;
  /** The last one. */
  finish(): Promise<void>;
  /** Resolves when none is under way, with true if one of them failed. */
  idle(): Promise<boolean>;
}

/**
 * Brings a long partial to the disk while it grows, one sync at a time: a power cut costs what came since, and
 * the last sync before the receipt is short.
 */
export function backgroundSync(file: FileHandle): BackgroundSync {
  let waiting = 0;
  let since = performance.now();
  let running: Promise<void> | undefined;
  let failure: Error | undefined;

  async function run(): Promise<void> {
    waiting = 0;
    since = performance.now();
    try {
      await file.datasync();
    } catch (error) {
      // The system tells an error once: what was lost must not pass for safe at the next sync.
      failure ??= error instanceof Error ? error : new Error(String(error));
    }
    running = undefined;
  }

  return {
    written(bytes) {
      waiting += bytes;
      const due = waiting >= syncLength || performance.now() - since >= syncTime;
      if (due) running ??= run();
    },
    async finish() {
      await running;
      if (failure) throw failure;
      try {
        await file.sync();
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        throw failure;
      }
    },
    async idle() {
      await running;
      return failure !== undefined;
    },
  };
}
