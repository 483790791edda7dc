import { SharingError } from '#sharing/errors.js';
import type { Message, Want } from '#sharing/wire/message.js';

/** Chunks that may be under way without a confirmation, per transfer (PROTOCOL.md, "Window"). */
export const sendWindow = 8;
/** Digests that are computed and sent in one frame, so that an early difference is found early. */
export const digestPage = 16;

/** How one file ended, from the sender's side. */
export type SendOutcome =
  | { readonly kind: 'stored'; readonly as: string; readonly size: number; readonly digest: string }
  | { readonly kind: 'identical' | 'skipped'; readonly as: string; readonly digest: string }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

type SendState =
  | { readonly phase: 'offered' }
  | { readonly phase: 'digesting'; readonly next: number }
  | {
      readonly phase: 'sending';
      readonly ranges: readonly (readonly [number, number])[];
      readonly next: number;
      readonly unconfirmed: ReadonlySet<number>;
    }
  | { readonly phase: 'ended'; readonly unconfirmed: ReadonlySet<number> }
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
  | { readonly do: 'stop'; readonly outcome: SendOutcome };

/** Messages of the receiver that concern one file of a transfer. */
export type FromReceiver = Want | Extract<Message, { t: 'got' | 'receipt' | 'fail' }>;

/** The rules of sending one file of `chunks` chunks, without any input or output. */
export interface SendRules {
  /** Takes what the receiver said. Throws SharingError `protocol` when it may not say that now. */
  receive(message: FromReceiver): void;
  /** The next thing to do; a chunk or a page of digests counts as begun. */
  next(): SendAction;
  readonly phase: () => SendState['phase'];
  /** Our own side gave the file up. */
  giveUp(code: string, message: string): void;
}

export function sendRules(chunks: number): SendRules {
  let state: SendState = { phase: 'offered' };

  function receive(message: FromReceiver): void {
    if (state.phase === 'over' || state.phase === 'refused') return;
    state = 'want' in message ? afterWant(state, message, chunks) : afterReport(state, message);
  }

  function next(): SendAction {
    switch (state.phase) {
      case 'offered':
        return { do: 'wait' };
      case 'ended':
        return { do: 'wait' };
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
        const chunk = firstWanted(state.ranges, state.next);
        if (chunk === undefined) {
          state = { phase: 'ended', unconfirmed: state.unconfirmed };
          return { do: 'end' };
        }
        if (state.unconfirmed.size >= sendWindow) return { do: 'wait' };
        const unconfirmed = new Set(state.unconfirmed).add(chunk);
        state = { ...state, next: chunk + 1, unconfirmed };
        return { do: 'chunk', chunk };
      }
    }
  }

  function giveUp(code: string, message: string): void {
    if (state.phase !== 'over') state = over({ kind: 'failed', code, message });
  }

  return { receive, next, giveUp, phase: () => state.phase };
}

function afterWant(state: SendState, want: Want, chunks: number): SendState {
  const digesting = state.phase === 'digesting';
  if (state.phase !== 'offered' && !digesting) throw illegal(`want ${want.want}`, state);
  switch (want.want) {
    case 'nothing':
      return over({ kind: want.reason, as: want.as, digest: want.digest });
    case 'refused':
      return over({ kind: 'failed', code: want.code, message: want.message });
    case 'digests':
      if (digesting) throw illegal('want digests twice', state);
      return { phase: 'digesting', next: 0 };
    case 'all':
      return sending([[0, chunks]]);
    case 'ranges':
      return sending(checkRanges(want.ranges, chunks));
  }
}

function afterReport(
  state: SendState,
  message: Extract<Message, { t: 'got' | 'receipt' | 'fail' }>,
): SendState {
  if (message.t === 'fail') {
    const outcome = { kind: 'failed', code: message.code, message: message.message } as const;
    return state.phase === 'ended' ? over(outcome) : { phase: 'refused', outcome };
  }
  if (message.t === 'got') {
    if (state.phase !== 'sending' && state.phase !== 'ended') throw illegal('got', state);
    const unconfirmed = new Set(state.unconfirmed);
    if (!unconfirmed.delete(message.chunk)) throw illegal('got of a chunk not under way', state);
    return { ...state, unconfirmed };
  }
  if (state.phase !== 'ended' || state.unconfirmed.size > 0) throw illegal('receipt', state);
  return over({ kind: 'stored', as: message.as, size: message.size, digest: message.digest });
}

/** Ranges are half open, ascending, apart and within the file. */
function checkRanges(
  ranges: readonly (readonly [number, number])[],
  chunks: number,
): readonly (readonly [number, number])[] {
  let end = -1;
  for (const [from, to] of ranges) {
    if (from <= end || to <= from || to > chunks) {
      throw new SharingError('protocol', `wanted range ${from} to ${to} of ${chunks} chunks`);
    }
    end = to;
  }
  return ranges;
}

function firstWanted(
  ranges: readonly (readonly [number, number])[],
  from: number,
): number | undefined {
  const range = ranges.find(([, to]) => to > from);
  return range && Math.max(range[0], from);
}

function sending(ranges: readonly (readonly [number, number])[]): SendState {
  return { phase: 'sending', ranges, next: 0, unconfirmed: new Set() };
}

function over(outcome: SendOutcome): SendState {
  return { phase: 'over', outcome };
}

function illegal(what: string, state: SendState): SharingError {
  return new SharingError('protocol', `${what} is not legal while ${state.phase}`);
}
