/** How far one file is; bytes are those that the receiving side has confirmed. */
export interface Progress {
  readonly phase: 'deciding' | 'comparing' | 'sending' | 'saving';
  readonly bytes: number;
  /** Bytes of the whole file. */
  readonly size: number;
}

export type OnProgress = (progress: Progress) => void;
