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
      /** How often an `end` may be under way that does not know yet what else we asked for. */
      readonly crossing: number;
      readonly mayDigest: boolean;
    }
  | { readonly phase: 'finishing'; readonly retracted: boolean }
  | { readonly phase: 'refusing' }
  | { readonly phase: 'over' };

/** What is to be done with something that came. */
export type Verdict = 'take' | 'drop';

/**
 * What becomes of a chunk, a number in a table that threads share: who turns `missing` into `taken` takes it, and nobody
 * else. `repeated`: it came again over another lane after it had landed, for the sender had not heard of it.
 */
export const chunkState = { unwanted: 0, missing: 1, taken: 2, landed: 3, repeated: 4 } as const;

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
  /** `busy`: another lane took it, and must have been lost for the sender: it is to be judged again without that lane. */
  chunk(header: ChunkHeader): Verdict | 'busy';
  /** Chunks come over lanes: one that is lost is made good over another. */
  useLanes(): void;
  /** The state of each chunk, for who takes some beside us; its memory is shared. */
  states(): Uint8Array<SharedArrayBuffer>;
  /** A chunk that was taken lies here. */
  landed(chunk: number): void;
  /** A chunk that was taken will not come whole. */
  lost(chunk: number): void;
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
  let states = new Uint8Array(new SharedArrayBuffer(0));
  let lanes = false;

  function breach(what: string): SharingError {
    return new SharingError('protocol', `${what} is not legal while ${state.phase}`);
  }

  return {
    phase: () => state.phase,
    compare: () => {
      state = { phase: 'comparing', next: 0 };
    },
    wantChunks: (wanted) => {
      states = new Uint8Array(new SharedArrayBuffer(chunks));
      states.set(wanted);
      const mayDigest = state.phase === 'comparing';
      state = { phase: 'receiving', crossing: 0, mayDigest };
    },
    wantAlso: (chunk) => {
      if (state.phase === 'finishing') {
        state = { phase: 'receiving', crossing: -1, mayDigest: false };
      }
      if (state.phase !== 'receiving' || states[chunk] !== chunkState.unwanted) return;
      Atomics.store(states, chunk, chunkState.missing);
      state = { ...state, crossing: state.crossing + 1 };
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
      // The last word may have come before it, if it went over a lane.
      if (state.phase === 'refusing' || state.phase === 'over') return 'drop';
      if (lanes && exchange(states, chunk, chunkState.landed, chunkState.repeated)) return 'drop';
      if (state.phase !== 'receiving') throw breach('chunk');
      const right = Math.min(chunkSize, size - chunk * chunkSize);
      if (length !== right) throw breach(`chunk ${chunk} of ${length} instead of ${right} bytes`);
      if (exchange(states, chunk, chunkState.missing, chunkState.taken)) {
        // Over a lane it may overtake digests that are still under way.
        if (state.mayDigest && !lanes) state = { ...state, mayDigest: false };
        return 'take';
      }
      if (lanes && states[chunk] === chunkState.taken) return 'busy';
      throw breach(`chunk ${chunk}, not wanted or already here,`);
    },
    useLanes: () => {
      lanes = true;
    },
    states: () => states,
    landed: (chunk) => {
      exchange(states, chunk, chunkState.taken, chunkState.landed);
    },
    lost: (chunk) => {
      exchange(states, chunk, chunkState.taken, chunkState.missing);
    },
    end() {
      if (state.phase === 'refusing') {
        state = { phase: 'over' };
        return 'drop';
      }
      // It crossed what else we wanted, and then our last word.
      if (state.phase === 'over') return 'wait';
      if (state.phase !== 'receiving') throw breach('end');
      if (states.includes(chunkState.missing)) {
        if (state.crossing <= 0) throw breach('end with chunks missing');
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

/** Turns the state of a chunk into another, if it is this one; of several threads that try it one succeeds. */
export function exchange(states: Uint8Array, chunk: number, from: number, to: number): boolean {
  return chunk < states.length && Atomics.compareExchange(states, chunk, from, to) === from;
}
