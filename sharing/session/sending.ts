import { SharingError } from '#sharing/errors.js';
import { countOf, mustBeRanges } from '#sharing/session/ranges.js';
import type { Message, Ranges, Want } from '#sharing/wire/message.js';
import { refusedBy } from '#sharing/wire/refusal.js';

/** Chunks that may be under way without a confirmation, per transfer (PROTOCOL.md, "Window"). */
export const sendWindow = 8;
/** Digests that are computed and sent in one frame, so that an early difference is found early. */
const digestPage = 16;

/** How one file ended, from the sender's side. */
export type SendOutcome =
  | { readonly kind: 'stored'; readonly as: string; readonly size: number; readonly digest: string }
  | { readonly kind: 'identical'; readonly as: string; readonly digest: string }
  | { readonly kind: 'skipped'; readonly as: string }
  | FailedOutcome;

interface FailedOutcome {
  readonly kind: 'failed';
  readonly error: SharingError;
}

type SendState =
  | { readonly phase: 'offered' }
  | { readonly phase: 'digesting'; readonly next: number }
  | {
      readonly phase: 'sending';
      /** What is still wanted, in the order in which it was asked for; half open. */
      readonly ranges: Ranges;
      /** How many chunks may be asked for yet: a receiver may ask for each a second time, no more. */
      readonly credit: number;
      readonly unconfirmed: ReadonlySet<number>;
    }
  /** All that was wanted is out: the source is looked at once more, then the receiver hears the end. */
  | {
      readonly phase: 'ending' | 'ended';
      readonly credit: number;
      readonly unconfirmed: ReadonlySet<number>;
    }
  /** We gave up while the receiver may be saving: its last word tells whether it was in time. */
  | {
      readonly phase: 'retracting';
      readonly unconfirmed: ReadonlySet<number>;
      readonly outcome: FailedOutcome;
      readonly told: boolean;
    }
  /** We gave up, and the receiver does not know it yet. */
  | { readonly phase: 'given-up'; readonly outcome: FailedOutcome }
  /** The receiver gave up: it drops what is under way until it hears `end`. */
  | { readonly phase: 'refused'; readonly outcome: SendOutcome }
  | { readonly phase: 'over'; readonly outcome: SendOutcome };

/** What the sender of a file must do next. */
export type SendAction =
  | { readonly do: 'wait' }
  | { readonly do: 'digests'; readonly first: number; readonly count: number }
  | { readonly do: 'chunk'; readonly chunk: number }
  | { readonly do: 'end' }
  | { readonly do: 'acknowledge' }
  | { readonly do: 'retract'; readonly error: SharingError }
  | { readonly do: 'stop'; readonly outcome: SendOutcome };

/** What the receiver says of one file of a transfer. */
export type FileReport = Want | Extract<Message, { t: 'got' | 'receipt' | 'fail' }>;

/** The chunks that a `got` confirms. */
export function chunksGot({ chunk, also = [] }: Extract<Message, { t: 'got' }>): readonly number[] {
  return [...also, chunk];
}

/** The rules of sending one file of `chunks` chunks, without any input or output. */
export interface SendRules {
  /** Takes what the receiver said. Throws SharingError `protocol` when it may not say that now. */
  receive(message: FileReport): void;
  /** The next thing to do; a chunk or a page of digests counts as begun. */
  next(): SendAction;
  readonly phase: () => SendState['phase'];
  /** Chunks that are sent and not confirmed. */
  readonly unconfirmed: () => number;
  /** The receiver reads or writes its disk, and has nothing to say until that is done. */
  readonly receiverIsBusy: () => boolean;
  /** What a chunk was sent over is lost: if it was not confirmed, it is sent again. */
  lost(chunk: number): void;
  /** The end was said. */
  ended(): void;
  /** Our own side gives the file up; the receiver has to be told. */
  giveUp(error: SharingError): void;
  /** The receiver has said the last word; nobody has to be told anything. */
  abandon(): void;
}

export function sendRules(chunks: number): SendRules {
  let state: SendState = { phase: 'offered' };
  /** Chunks that were lost on their way, or only their confirmation was late, and that did not go out again yet. */
  const again = new Set<number>();

  function receive(message: FileReport): void {
    if (['over', 'refused', 'given-up'].includes(state.phase)) return;
    if ('t' in message && message.t === 'got') {
      for (const chunk of chunksGot(message)) confirm(chunk);
      return;
    }
    state = 'want' in message ? afterWant(state, message, chunks) : afterReport(state, message);
  }

  function confirm(chunk: number): void {
    if (again.delete(chunk)) {
      if (state.phase === 'sending') state = { ...state, ranges: without(state, chunk) };
      return;
    }
    if (!('unconfirmed' in state)) throw illegal('got', state);
    const unconfirmed = new Set(state.unconfirmed);
    if (!unconfirmed.delete(chunk)) throw illegal('got of a chunk not under way', state);
    state = { ...state, unconfirmed };
  }

  function next(): SendAction {
    switch (state.phase) {
      case 'offered':
      case 'ending':
      case 'ended':
        return { do: 'wait' };
      case 'retracting': {
        const { outcome, told } = state;
        state = { ...state, told: true };
        return told ? { do: 'wait' } : { do: 'retract', error: outcome.error };
      }
      case 'given-up': {
        const { outcome } = state;
        state = over(outcome);
        return { do: 'retract', error: outcome.error };
      }
      case 'refused':
        state = over(state.outcome);
        return { do: 'acknowledge' };
      case 'over':
        return { do: 'stop', outcome: state.outcome };
      case 'digesting': {
        const first = state.next;
        const count = Math.min(digestPage, chunks - first);
        if (count === 0) return { do: 'wait' };
        state = { ...state, next: first + count };
        return { do: 'digests', first, count };
      }
      case 'sending': {
        const { ranges, credit, unconfirmed } = state;
        const [first, ...rest] = ranges;
        if (!first) {
          state = { phase: 'ending', credit, unconfirmed };
          return { do: 'end' };
        }
        if (unconfirmed.size >= sendWindow) return { do: 'wait' };
        const [chunk, to] = first;
        again.delete(chunk);
        const left: Ranges = chunk + 1 < to ? [[chunk + 1, to], ...rest] : rest;
        state = { ...state, ranges: left, unconfirmed: new Set(unconfirmed).add(chunk) };
        return { do: 'chunk', chunk };
      }
    }
  }

  function giveUp(error: SharingError): void {
    const outcome = { kind: 'failed', error } as const;
    switch (state.phase) {
      case 'ended':
        state = { phase: 'retracting', unconfirmed: state.unconfirmed, outcome, told: false };
        return;
      case 'offered':
      case 'digesting':
      case 'sending':
      case 'ending':
        state = { phase: 'given-up', outcome };
        return;
      case 'retracting':
      case 'given-up':
      case 'refused':
      case 'over':
        return;
    }
  }

  function abandon(): void {
    if (state.phase === 'over') return;
    state = over({ kind: 'failed', error: new SharingError('cancelled', 'ended by the receiver') });
  }

  function lost(chunk: number): void {
    if (state.phase !== 'sending' && state.phase !== 'ending') return;
    const unconfirmed = new Set(state.unconfirmed);
    if (!unconfirmed.delete(chunk)) return;
    const { credit } = state;
    const ranges = state.phase === 'sending' ? state.ranges : [];
    state = { phase: 'sending', ranges: [[chunk, chunk + 1], ...ranges], credit, unconfirmed };
    again.add(chunk);
  }

  return {
    receive,
    next,
    lost,
    ended() {
      if (state.phase === 'ending') state = { ...state, phase: 'ended' };
    },
    giveUp,
    abandon,
    phase: () => state.phase,
    unconfirmed: () => ('unconfirmed' in state ? state.unconfirmed.size : 0),
    receiverIsBusy: () => ['digesting', 'ended', 'retracting'].includes(state.phase),
  };
}

function afterWant(state: SendState, want: Want, chunks: number): SendState {
  const digesting = state.phase === 'digesting';
  // It was not saving yet, so our word ends the file without an answer.
  if (want.want === 'ranges' && state.phase === 'retracting') return over(state.outcome);
  if (want.want === 'ranges' && 'credit' in state) return wantedAlso(state, want.ranges, chunks);
  if (state.phase !== 'offered' && !digesting) throw illegal(`want ${want.want}`, state);
  switch (want.want) {
    case 'nothing': {
      // "Identical" can only be known from all digests; of nothing there are none.
      const compared = chunks === 0 || (digesting && state.next === chunks);
      const { reason, as, digest } = want;
      if (reason === 'skipped') return over({ kind: reason, as });
      if (reason === 'staged') throw illegal('staged', state);
      if (!compared || digest === undefined) throw illegal('identical', state);
      return over({ kind: reason, as, digest });
    }
    case 'refused':
      return over({ kind: 'failed', error: refusedBy(want) });
    case 'digests':
      if (digesting) throw illegal('want digests twice', state);
      return { phase: 'digesting', next: 0 };
    case 'all':
      return wanted(chunks === 0 ? [] : [[0, chunks]], chunks);
    case 'ranges':
      return wanted(want.ranges, chunks);
  }
}

function wanted(ranges: Ranges, chunks: number): SendState {
  mustBeRanges(ranges, chunks);
  const credit = 2 * chunks - countOf(ranges);
  return { phase: 'sending', ranges, credit, unconfirmed: new Set() };
}

/** Chunks that the receiver had, but that were not good when it looked. */
function wantedAlso(
  state: Extract<SendState, { readonly credit: number }>,
  ranges: Ranges,
  chunks: number,
): SendState {
  mustBeRanges(ranges, chunks);
  const credit = state.credit - countOf(ranges);
  if (credit < 0) throw new SharingError('protocol', 'chunks are wanted again and again');
  const before = state.phase === 'sending' ? state.ranges : [];
  const { unconfirmed } = state;
  return { phase: 'sending', ranges: [...before, ...ranges], credit, unconfirmed };
}

/** What is still wanted when a chunk that was to go out again is there after all. */
function without({ ranges }: { readonly ranges: Ranges }, chunk: number): Ranges {
  return ranges.filter(([from, to]) => from !== chunk || to !== chunk + 1);
}

function afterReport(
  state: SendState,
  message: Extract<Message, { t: 'receipt' | 'fail' }>,
): SendState {
  if (message.t === 'fail') {
    const outcome = { kind: 'failed', error: refusedBy(message) } as const;
    if (state.phase === 'retracting') return over(state.outcome);
    return state.phase === 'ended' ? over(outcome) : { phase: 'refused', outcome };
  }
  const saving = state.phase === 'ended' || state.phase === 'retracting';
  if (!saving || state.unconfirmed.size > 0) throw illegal('receipt', state);
  return over({ kind: 'stored', as: message.as, size: message.size, digest: message.digest });
}

function over(outcome: SendOutcome): SendState {
  return { phase: 'over', outcome };
}

function illegal(what: string, state: SendState): SharingError {
  return new SharingError('protocol', `${what} is not legal while ${state.phase}`);
}
