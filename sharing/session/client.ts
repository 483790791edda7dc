import { SharingError } from '#sharing/errors.js';
import type { NewCode } from '#sharing/session/code-window.js';
import {
  routeTransfer,
  type Direction,
  type Incoming,
  type TransferAction,
} from '#sharing/session/incoming.js';
import { digestAlgorithms, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { onlyFile, protocolVersion, type Message, type MessageOf } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';

/** What the client must do. */
export type ClientAction =
  | { readonly do: 'close'; readonly error?: SharingError; readonly last?: Message }
  | {
      readonly do: 'welcome';
      readonly welcome: MessageOf<'welcome'>;
      readonly digest: DigestAlgorithm;
    }
  | { readonly do: 'listed'; readonly id: number; readonly page: MessageOf<'entries'> }
  | { readonly do: 'offered'; readonly id: number; readonly offer: MessageOf<'offer'> }
  | { readonly do: 'refused'; readonly id: number; readonly error: SharingError }
  /** The server asks for a code; then its share, then its proof. */
  | { readonly do: 'pair'; readonly name: string }
  | { readonly do: 'pair-share'; readonly share: Buffer }
  | { readonly do: 'pair-proof'; readonly proof: Buffer }
  /** The server lets us open a lane for a transfer. */
  | { readonly do: 'laned'; readonly id: number; readonly token: string }
  | { readonly do: 'coded'; readonly id: number; readonly fresh: NewCode }
  | { readonly do: 'told'; readonly id: number; readonly state: MessageOf<'state'> }
  | TransferAction;

/** `getting` waits for the server's offer, then becomes `receiving`. */
type Work = 'listing' | 'getting' | 'coding' | 'stopping' | 'status' | Direction;

type ClientState =
  | { readonly phase: 'greeting' }
  | { readonly phase: 'pairing'; readonly step: 'share' | 'proof' | 'done' }
  | { readonly phase: 'ready'; readonly lastId: number; readonly work: ReadonlyMap<number, Work> }
  | { readonly phase: 'closed' };

type Ready = Extract<ClientState, { phase: 'ready' }>;
type Pairing = Extract<ClientState, { phase: 'pairing' }>;

export interface ClientRules {
  /** The first message; `hasCode` asks to be paired even where an open door would do. */
  hello(name: string, hasCode: boolean): Message;
  /** The first message on a lane. */
  laneHello(name: string, token: string): Message;
  /** One thing that the server sent, judged by the state. A breach becomes a `close` action. */
  receive(incoming: Incoming): readonly ClientAction[];
  /** Begins a request and gives its id. Throws SharingError `connection-lost` when there is no session. */
  begin(work: 'listing' | 'getting' | 'coding' | 'stopping' | 'status' | 'sending'): number;
  /** Request `id` is answered completely. */
  done(id: number): void;
  /** We are leaving: nothing that still comes matters. */
  leave(): void;
}

/**
 * The client's side of a session, without any input or output. `trusted` says whether this server's key
 * is one we know: a stranger's welcome is taken only as an open server's (PROTOCOL.md, "Trust").
 */
export function clientRules(trusted: boolean): ClientRules {
  let state: ClientState = { phase: 'greeting' };

  function receive(incoming: Incoming): readonly ClientAction[] {
    try {
      switch (state.phase) {
        case 'closed':
          return [];
        case 'greeting':
          return greeted(incoming);
        case 'pairing':
          return paired(state, incoming);
        case 'ready':
          return answered(state, incoming);
      }
    } catch (error) {
      if (!(error instanceof SharingError)) throw error;
      state = { phase: 'closed' };
      const breached = error.code === 'protocol';
      return [
        { do: 'close', error, last: breached ? { t: 'error', ...refusalOf(error) } : { t: 'bye' } },
      ];
    }
  }

  function greeted(incoming: Incoming): readonly ClientAction[] {
    if (incoming.t === 'denied' || incoming.t === 'error') {
      throw refusedBy(incoming);
    }
    if (incoming.t === 'pair') {
      state = { phase: 'pairing', step: 'share' };
      return [{ do: 'pair', name: incoming.name }];
    }
    return welcomed(incoming, trusted);
  }

  function paired(pairing: Pairing, incoming: Incoming): readonly ClientAction[] {
    if (incoming.t === 'denied' || incoming.t === 'error') throw refusedBy(incoming);
    if (incoming.t === 'share' && pairing.step === 'share') {
      state = { phase: 'pairing', step: 'proof' };
      return [{ do: 'pair-share', share: Buffer.from(incoming.share, 'hex') }];
    }
    if (incoming.t === 'proof' && pairing.step === 'proof') {
      state = { phase: 'pairing', step: 'done' };
      return [{ do: 'pair-proof', proof: Buffer.from(incoming.proof, 'hex') }];
    }
    if (pairing.step !== 'done') throw breach(incoming, `while pairing (${pairing.step})`);
    // Its proof was right, so its key is known from now on.
    return welcomed(incoming, true);
  }

  function welcomed(incoming: Incoming, known: boolean): readonly ClientAction[] {
    if (incoming.t !== 'welcome') throw breach(incoming, 'before welcome');
    const digest = digestAlgorithms.find((one) => one === incoming.digest);
    if (!digest) throw new SharingError('protocol', 'a digest algorithm that was not offered');
    if (!known && incoming.as !== 'open') {
      throw new SharingError('unknown-server', 'the server knows us, but we do not know it');
    }
    state = { phase: 'ready', lastId: 0, work: new Map() };
    return [{ do: 'welcome', welcome: incoming, digest }];
  }

  function answered(ready: Ready, incoming: Incoming): readonly ClientAction[] {
    const routed = routeTransfer(
      incoming,
      (id) => directionOf(ready.work.get(id)),
      (id) => id <= ready.lastId && !ready.work.has(id),
    );
    if (routed) return routed;
    switch (incoming.t) {
      case 'entries':
        mustBe(ready, incoming, 'listing');
        return [{ do: 'listed', id: incoming.id, page: incoming }];
      case 'offer':
        mustBe(ready, incoming, 'getting');
        return offered(ready, incoming);
      case 'code':
        mustBe(ready, incoming, 'coding');
        return [{ do: 'coded', id: incoming.id, fresh: incoming }];
      case 'state':
        mustBe(ready, incoming, 'status');
        if (!incoming.more && !incoming.figures)
          throw breach(incoming, 'without figures at its end');
        return [{ do: 'told', id: incoming.id, state: incoming }];
      case 'lane':
        if (incoming.token === undefined) throw breach(incoming, 'without a token');
        return [{ do: 'laned', id: incoming.id, token: incoming.token }];
      case 'error':
        return failed(ready, incoming);
      case 'bye':
        throw new SharingError('shutting-down', 'the server ended the session');
      case 'unknown':
        return [];
      default:
        throw breach(incoming, 'from a server');
    }
  }

  function offered(ready: Ready, offer: MessageOf<'offer'>): readonly ClientAction[] {
    const { id } = offer;
    if (!offer.batch) onlyFile(offer);
    state = { ...ready, work: new Map(ready.work).set(id, 'receiving') };
    return [{ do: 'offered', id, offer }];
  }

  function failed(ready: Ready, incoming: MessageOf<'error'>): readonly ClientAction[] {
    const error = refusedBy(incoming);
    const { id } = incoming;
    if (id === undefined) throw error;
    if (!ready.work.has(id)) return [];
    return [{ do: 'refused', id, error }];
  }

  return {
    hello: (name, hasCode) => ({ ...hello(name, 'control'), ...(hasCode && { pair: true }) }),
    laneHello: (name, token) => ({ ...hello(name, 'lane'), token }),
    receive,
    begin(work) {
      if (state.phase !== 'ready') throw new SharingError('connection-lost', 'the session is over');
      const id = state.lastId + 1;
      state = { ...state, lastId: id, work: new Map(state.work).set(id, work) };
      return id;
    },
    done(id) {
      if (state.phase !== 'ready') return;
      const work = new Map(state.work);
      work.delete(id);
      state = { ...state, work };
    },
    leave: () => {
      state = { phase: 'closed' };
    },
  };
}

function hello(name: string, purpose: 'control' | 'lane'): MessageOf<'hello'> {
  const digests = [...digestAlgorithms];
  return { t: 'hello', v: protocolVersion, features: [], digests, purpose, name };
}

function directionOf(work: Work | undefined): Direction | undefined {
  return work === 'sending' || work === 'receiving' ? work : undefined;
}

function mustBe(
  { work }: { readonly work: ReadonlyMap<number, Work> },
  { t, id }: { readonly t: string; readonly id: number },
  wanted: Work,
): void {
  if (work.get(id) !== wanted) throw new SharingError('protocol', `${t} for request ${id}`);
}

function breach({ t }: Incoming, where: string): SharingError {
  return new SharingError('protocol', `${t} is not legal ${where}`);
}
