import type { SharingError } from '#sharing/errors.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';

/** What takes chunks in a thread of its own, with a lane of its own. */
export interface Beside {
  /** Resolves when it takes and writes nothing any more. */
  end(): Promise<void>;
  /** The same, when it has ended by itself, whatever the reason. */
  readonly ended: Promise<void>;
}

/** What it is to take, and who hears of it. */
export interface BesideWork {
  readonly id: number;
  readonly file: number;
  readonly size: number;
  readonly algorithm: DigestAlgorithm;
  /** The states of the chunks (`chunkState`), in shared memory: who takes one says so there. */
  readonly states: Uint8Array<SharedArrayBuffer>;
  /** Where the chunks are written to. */
  readonly descriptor: number;
  readonly onLanded: (chunk: number, digest: Buffer) => void;
  /** What keeps the file from being received. */
  readonly onFailed: (error: SharingError) => void;
}

export type StartBeside = (work: BesideWork) => Beside;
