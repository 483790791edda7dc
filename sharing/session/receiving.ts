import { SharingError } from '#sharing/errors.js';
import { chunkSize, digestLength, type ChunkHeader, type Digests } from '#sharing/wire/frame.js';

/**
 * Where the receiver of a file stands.
 * - `deciding`: the offer is being judged; the sender must wait.
 * - `comparing`: digests come, in order.
 * - `receiving`: chunks come, each wanted one once.
 * - `finishing`: the sender has sent all that was wanted so far, and waits for the receipt, or for more wants; it
 *   may take its file back once.
 * - `refusing`: we gave up; what is under way is dropped until the sender says `end` or `fail`.
 * - `over`: nothing may come any more.
 */
type ReceiveState =
  | { readonly phase: 'deciding' }
  | { readonly phase: 'comparing'; readonly next: number }
  | {
      readonly phase: 'receiving';
      /** One byte a chunk, 1 while it is missing. */
      readonly missing: Uint8Array;
      readonly left: number;
      /** How often an `end` may be under way that does not know yet what else we asked for. */
      readonly crossing: number;
      readonly mayDigest: boolean;
    }
  | { readonly phase: 'finishing'; readonly retracted: boolean }
  | { readonly phase: 'refusing' }
  | { readonly phase: 'over' };

/** What is to be done with something that came. */
export type Verdict = 'take' | 'drop';

/** The rules of receiving one file of `size` bytes; every method throws SharingError `protocol` on a breach. */
export interface ReceiveRules {
  readonly phase: () => ReceiveState['phase'];
  /** We ask for digests. */
  compare(): void;
  /** We ask for the chunks that are marked with 1. */
  wantChunks(missing: Uint8Array): void;
  /** A chunk that lay here was not good after all: we ask for it too, each at most once. */
  wantAlso(chunk: number): void;
  digests(frame: Digests): Verdict;
  chunk(header: ChunkHeader): Verdict;
  /**
   * The sender says that all is sent. `take`: finish and answer; `drop`: it closes what we refused; `wait`: it did
   * not know yet what else is wanted, and will say it again.
   */
  end(): Verdict | 'wait';
  /** The sender gave up. `take`: the file is over; `drop`: it is being saved, and our last word tells. */
  failed(): Verdict;
  /** We give up while the sender may still be sending. */
  refuse(): void;
  /** The last word was said. */
  finish(): void;
}

export function receiveRules(size: number): ReceiveRules {
  const chunks = Math.ceil(size / chunkSize);
  let state: ReceiveState = { phase: 'deciding' };

  function breach(what: string): SharingError {
    return new SharingError('protocol', `${what} is not legal while ${state.phase}`);
  }

  return {
    phase: () => state.phase,
    compare: () => {
      state = { phase: 'comparing', next: 0 };
    },
    wantChunks: (wanted) => {
      const missing = Uint8Array.from(wanted);
      const left = missing.reduce((sum, one) => sum + one, 0);
      const mayDigest = state.phase === 'comparing';
      state = { phase: 'receiving', missing, left, crossing: 0, mayDigest };
    },
    wantAlso: (chunk) => {
      if (state.phase === 'finishing') {
        const missing = new Uint8Array(chunks);
        state = { phase: 'receiving', missing, left: 0, crossing: -1, mayDigest: false };
      }
      if (state.phase !== 'receiving' || state.missing[chunk] === 1) return;
      state.missing[chunk] = 1;
      state = { ...state, left: state.left + 1, crossing: state.crossing + 1 };
    },
    digests({ first, digests }) {
      if (state.phase === 'refusing') return 'drop';
      // Digests that were under way when a difference was found.
      if (state.phase === 'receiving' && state.mayDigest) return 'drop';
      if (state.phase !== 'comparing') throw breach('digests');
      const next = first + digests.length / digestLength;
      if (first !== state.next || next > chunks) throw breach(`digests from ${first}`);
      state = { phase: 'comparing', next };
      return 'take';
    },
    chunk({ chunk, length }) {
      if (state.phase === 'refusing') return 'drop';
      if (state.phase !== 'receiving') throw breach('chunk');
      if (state.missing[chunk] !== 1) throw breach(`chunk ${chunk}, not wanted or already here,`);
      const right = Math.min(chunkSize, size - chunk * chunkSize);
      if (length !== right) throw breach(`chunk ${chunk} of ${length} instead of ${right} bytes`);
      state.missing[chunk] = 0;
      state = { ...state, left: state.left - 1, mayDigest: false };
      return 'take';
    },
    end() {
      if (state.phase === 'refusing') {
        state = { phase: 'over' };
        return 'drop';
      }
      // It crossed what else we wanted, and then our last word.
      if (state.phase === 'over') return 'wait';
      if (state.phase !== 'receiving') throw breach('end');
      if (state.left > 0) {
        if (state.crossing <= 0) throw breach(`end with ${state.left} chunks missing`);
        state = { ...state, crossing: state.crossing - 1 };
        return 'wait';
      }
      state = { phase: 'finishing', retracted: false };
      return 'take';
    },
    failed: () => {
      // It crossed our last word.
      if (state.phase === 'over') return 'drop';
      if (state.phase !== 'finishing') {
        state = { phase: 'over' };
        return 'take';
      }
      if (state.retracted) throw breach('a second fail');
      state = { phase: 'finishing', retracted: true };
      return 'drop';
    },
    refuse: () => {
      if (state.phase !== 'over') state = { phase: 'refusing' };
    },
    finish: () => {
      state = { phase: 'over' };
    },
  };
}
