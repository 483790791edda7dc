import type { SharingError } from '#sharing/errors.js';
import type { ReceiveRules } from '#sharing/session/receiving.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { Landing } from '#sharing/storage/landing.js';

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

/** What a thread takes of one file, if it takes some. */
export interface TakingBeside {
  /** Lets it begin if there are chunks to take, once. */
  start(start: StartBeside, landing: Landing): Promise<void>;
  /** Resolves when what it wrote of a chunk is noted. */
  noted(chunk: number): Promise<void>;
  /** Resolves when it takes and writes nothing any more, and what it did not bring counts as missing. */
  end(): Promise<void>;
}

export interface TakingBesideOptions extends Pick<
  BesideWork,
  'id' | 'file' | 'size' | 'algorithm' | 'onFailed'
> {
  readonly rules: ReceiveRules;
  /** Whether a chunk is taken by somebody else. */
  readonly isElsewhere: (chunk: number) => boolean;
  /** Does it until the file is over; what it throws ends the file. */
  readonly guarded: (work: () => Promise<void>) => Promise<void>;
  readonly onLanded: (chunk: number) => void;
}

export function takingBeside(options: TakingBesideOptions): TakingBeside {
  const { id, file, size, algorithm, rules, guarded, onFailed } = options;
  /** Chunks that were written, and are being noted. */
  const noting = new Map<number, Promise<void>>();
  let beside: Beside | undefined;
  let begun = false;
  let ended: Promise<void> | undefined;

  async function note(landing: Landing, chunk: number, digest: Buffer): Promise<void> {
    try {
      await landing.beside?.landed(chunk, digest);
      options.onLanded(chunk);
    } finally {
      noting.delete(chunk);
    }
  }

  return {
    async start(start, landing) {
      if (!landing.beside || begun || rules.phase() !== 'receiving') return;
      begun = true;
      // Without it the transfer is slower, and nothing else.
      const handle = await landing.beside.open().catch(() => undefined);
      if (!handle) return;
      if (rules.phase() !== 'receiving') {
        await handle.close();
        return;
      }
      rules.useLanes();
      const states = rules.states();
      const onLanded = (chunk: number, digest: Buffer): void => {
        noting.set(
          chunk,
          guarded(() => note(landing, chunk, digest)),
        );
      };
      const descriptor = handle.fd;
      try {
        beside = start({ id, file, size, algorithm, states, descriptor, onLanded, onFailed });
      } catch {
        // The system gives no thread.
        await handle.close();
        return;
      }
      const { ended: takesNoMore } = beside;
      ended = guarded(async () => {
        await takesNoMore;
        await handle.close();
        states.forEach((_, chunk) => {
          if (!options.isElsewhere(chunk) && !noting.has(chunk)) rules.lost(chunk);
        });
      });
    },
    noted: async (chunk) => noting.get(chunk),
    async end() {
      await beside?.end();
      await ended;
    },
  };
}
