/** How far one file is; bytes are those that the receiving side has confirmed. */
export interface Progress {
  readonly phase: 'deciding' | 'comparing' | 'sending' | 'saving';
  readonly bytes: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

export type OnProgress = (progress: Progress) => void;

/** Fires once nothing moved for a time; moving nothing while we wait for ourselves does not count. */
export interface StallWatch extends Disposable {
  moved(): void;
}

/** Calls `stalled` after `time` milliseconds without `moved`. */
export function watchStall(time: number, stalled: () => void): StallWatch {
  const timer = setTimeout(stalled, time);
  timer.unref();
  return {
    moved: () => timer.refresh(),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}
