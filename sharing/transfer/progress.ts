/** How far one file is; bytes are those that the receiving side has confirmed. */
export interface Progress {
  readonly phase: 'deciding' | 'comparing' | 'sending' | 'saving';
  readonly bytes: number;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Those among `bytes` that lay there before, or need not come, and did not travel now. */
  readonly had?: number;
  /** Of many files in one transfer; `size` grows with `of` until all are counted. */
  readonly files?: { readonly done: number; readonly of: number; readonly counted: boolean };
}

export type OnProgress = (progress: Progress) => void;
