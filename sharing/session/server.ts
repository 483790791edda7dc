import { SharingError } from '#sharing/errors.js';
import { modeWords, within, type Admission, type ServingMode } from '#sharing/session/admission.js';
import { agreeOnDigest, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { patternPath, safePath, type SafePath } from '#sharing/storage/path.js';
import {
  onlyFile,
  protocolVersion,
  type Message,
  type MessageOf,
  type Policy,
  type Right,
  type UnknownMessage,
} from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';
import type { FileRow } from '#sharing/wire/rows.js';
import {
  routeTransfer,
  type Direction,
  type Incoming,
  type TransferAction,
} from '#sharing/session/incoming.js';

/** What the server must do. */
export type ServerAction =
  | { readonly do: 'send'; readonly message: Message }
  | { readonly do: 'close'; readonly error?: SharingError; readonly last: Message }
  | { readonly do: 'list'; readonly id: number; readonly path: SafePath }
  | { readonly do: 'serve'; readonly id: number; readonly path: SafePath; readonly glob: boolean }
  | {
      readonly do: 'serve-list';
      readonly id: number;
      readonly paths: readonly AskedPath[];
    }
  | {
      readonly do: 'accept';
      readonly id: number;
      readonly offer: FileRow;
      readonly policy: Policy;
      readonly as?: string;
    }
  /** The first page of a batch. */
  | {
      readonly do: 'accept-batch';
      readonly id: number;
      readonly offer: MessageOf<'offer'>;
      readonly policy: Policy;
    }
  /** Asks for the code; then the first two steps of pairing, worked out elsewhere, and `paired`. */
  | { readonly do: 'pair'; readonly name: string }
  | { readonly do: 'pair-share'; readonly share: Buffer }
  | { readonly do: 'pair-proof'; readonly proof: Buffer; readonly name: string }
  /** The client wants a lane for a transfer; this connection is one. */
  | { readonly do: 'lane'; readonly id: number }
  | { readonly do: 'join'; readonly token: string }
  | Command
  | TransferAction;

/** What only the owner may ask for. */
type Command =
  | { readonly do: 'new-code'; readonly id: number; readonly uses: number }
  | { readonly do: 'shutdown'; readonly id: number }
  | { readonly do: 'status'; readonly id: number };

type Work = 'listing' | 'sending' | 'receiving';

type ServerState =
  | { readonly phase: 'greeting' }
  | { readonly phase: 'pairing'; readonly step: 'share' | 'proof' | 'judging' }
  | {
      readonly phase: 'ready';
      readonly rights: readonly Right[];
      readonly lastId: number;
      readonly work: ReadonlyMap<number, Work>;
    }
  | { readonly phase: 'closed' };

export interface ServerRules {
  /** One thing that the client sent, judged by the state. A breach becomes a `close` action. */
  receive(incoming: Incoming): readonly ServerAction[];
  /** The client's proof was right: it comes in, with these rights. */
  paired(rights: readonly Right[]): readonly ServerAction[];
  /**
   * The list of known peers gives the client these rights by now; what it was welcomed with stays. Gives all that it has
   * from now on, undefined when that is nothing new.
   */
  grant(listed: readonly Right[]): readonly Right[] | undefined;
  /** Ends the session with a reason that arose elsewhere. */
  refuse(error: SharingError): readonly ServerAction[];
  /** Request `id` is answered completely. */
  done(id: number): void;
  /** The algorithm both sides use; undefined before the welcome. */
  digest(): DigestAlgorithm | undefined;
  /** Requests under way. */
  work(): number;
  /** What the client calls itself; empty before its hello. */
  clientName(): string;
}

export interface ServerRulesOptions {
  readonly name: string;
  readonly admission: Admission;
  readonly mode: ServingMode;
  /** Strangers are asked for a code in place of being sent away. */
  readonly pairs: boolean;
  /** Why no further request may begin, with so many of this session under way. */
  readonly mayBegin: (underWay: number) => SharingError | undefined;
}

type Ready = Extract<ServerState, { phase: 'ready' }>;
type Pairing = Extract<ServerState, { phase: 'pairing' }>;

/** The server's side of a session, without any input or output (PROTOCOL.md, "Session"). */
export function serverRules(options: ServerRulesOptions): ServerRules {
  const { name, admission, mode, pairs, mayBegin } = options;
  let state: ServerState = { phase: 'greeting' };
  let digest: DigestAlgorithm | undefined;
  let owner = false;
  let clientName = '';

  function receive(incoming: Incoming): readonly ServerAction[] {
    try {
      switch (state.phase) {
        case 'closed':
          return [];
        case 'greeting':
          return greet(incoming);
        case 'pairing':
          return pair(state, incoming);
        case 'ready':
          return serve(state, incoming);
      }
    } catch (error) {
      if (!(error instanceof SharingError)) throw error;
      return refuse(error);
    }
  }

  function greet(incoming: Incoming): readonly ServerAction[] {
    if (incoming.t !== 'hello') throw breach(incoming, 'before hello');
    if (incoming.v !== protocolVersion) {
      throw new SharingError('version-mismatch', `this server speaks version ${protocolVersion}`);
    }
    if (incoming.purpose === 'lane') {
      if (incoming.token === undefined) throw breach(incoming, 'without the token of its lane');
      // From now on it carries bytes, and nothing that is judged here.
      state = { phase: 'closed' };
      return [{ do: 'join', token: incoming.token }];
    }
    clientName = incoming.name;
    digest = agreeOnDigest(incoming.digests);
    if (!digest) throw new SharingError('unsupported', 'no common digest algorithm');
    const wantsMore = pairs && incoming.pair === true && admission.as !== 'owner';
    if (admission.as !== 'nobody' && !wantsMore) return [welcome(admission)];
    if (admission.as === 'nobody' && (admission.code !== 'not-known' || !pairs)) {
      throw new SharingError(admission.code, admission.message);
    }
    state = { phase: 'pairing', step: 'share' };
    return [{ do: 'pair', name }];
  }

  /** The client proves first: a run that is broken off has taught it nothing. */
  function pair(pairing: Pairing, incoming: Incoming): readonly ServerAction[] {
    if (incoming.t === 'share' && pairing.step === 'share') {
      state = { ...pairing, step: 'proof' };
      return [{ do: 'pair-share', share: Buffer.from(incoming.share, 'hex') }];
    }
    if (incoming.t === 'proof' && pairing.step === 'proof') {
      state = { ...pairing, step: 'judging' };
      return [{ do: 'pair-proof', proof: Buffer.from(incoming.proof, 'hex'), name: clientName }];
    }
    if (incoming.t === 'bye') {
      state = { phase: 'closed' };
      return [{ do: 'close', last: { t: 'bye' } }];
    }
    throw breach(incoming, `while pairing (${pairing.step})`);
  }

  function welcome({ as, rights }: Exclude<Admission, { as: 'nobody' }>): ServerAction {
    if (!digest) throw new SharingError('internal', 'a welcome before hello');
    owner = as === 'owner';
    state = { phase: 'ready', rights, lastId: 0, work: new Map() };
    const features: string[] = [];
    const v = protocolVersion;
    return {
      do: 'send',
      message: { t: 'welcome', v, features, digest, as, rights: [...rights], name },
    };
  }

  function serve(ready: Ready, incoming: Incoming): readonly ServerAction[] {
    const routed = routeTransfer(
      incoming,
      (id) => directionOf(ready, id),
      (id) => id <= ready.lastId && !ready.work.has(id),
    );
    if (routed) return routed;
    switch (incoming.t) {
      case 'bye':
        state = { phase: 'closed' };
        return [{ do: 'close', last: { t: 'bye' } }];
      case 'list':
        return request(ready, incoming.id, 'listing', 'read', () => ({
          do: 'list',
          id: incoming.id,
          path: safePath(incoming.path),
        }));
      case 'get':
        return request(ready, incoming.id, 'sending', 'read', () => serving(incoming));
      case 'offer':
        return request(ready, incoming.id, 'receiving', 'write', () => accept(ready, incoming));
      case 'new-code': {
        const { id, uses } = incoming;
        return command(ready, { do: 'new-code', id, uses }, 'only the owner may see a code');
      }
      case 'shutdown': {
        const { id } = incoming;
        return command(ready, { do: 'shutdown', id }, 'only the owner may stop the server');
      }
      case 'status': {
        const { id } = incoming;
        return command(ready, { do: 'status', id }, 'only the owner may see how the server stands');
      }
      case 'lane':
        // Of a transfer that is over it is asked for too late.
        if (incoming.id > ready.lastId) throw breach(incoming, 'for a transfer that has not begun');
        return [{ do: 'lane', id: incoming.id }];
      case 'error':
        return left(incoming);
      case 'unknown':
        return unsupported(incoming);
      default:
        throw breach(incoming, 'from a client');
    }
  }

  /** The client's last word, when it does not leave as a friend. */
  function left(error: MessageOf<'error'>): readonly ServerAction[] {
    if (error.id !== undefined) throw breach(error, 'with an id from a client');
    state = { phase: 'closed' };
    return [{ do: 'close', error: refusedBy(error), last: { t: 'bye' } }];
  }

  /** What only the owner may ask for. */
  function command(ready: Ready, action: Command, refusal: string): readonly ServerAction[] {
    const { id } = action;
    mustRise(ready, id);
    state = { ...ready, lastId: id };
    return owner ? [action] : [answer(id, new SharingError('no-right', refusal))];
  }

  function request(
    ready: Ready,
    id: number,
    work: Work,
    right: Right,
    begin: () => ServerAction,
  ): readonly ServerAction[] {
    mustRise(ready, id);
    state = { ...ready, lastId: id };
    const refusal = whyNot(ready, right);
    if (refusal) return [answer(id, refusal)];
    try {
      const action = begin();
      state = { ...state, work: new Map(ready.work).set(id, work) };
      return [action];
    } catch (error) {
      if (!(error instanceof SharingError) || error.code === 'protocol') throw error;
      return [answer(id, error)];
    }
  }

  function whyNot({ rights, work }: Ready, right: Right): SharingError | undefined {
    if (!rights.includes(right)) return new SharingError('no-right', whyNoRight(right));
    return mayBegin(work.size);
  }

  function whyNoRight(right: Right): string {
    if (owner || within(mode, 'peer', [right]).length === 0) return modeWords[mode];
    return `you may not ${right} here`;
  }

  function refuse(error: SharingError): readonly ServerAction[] {
    const greeting = state.phase === 'greeting' || state.phase === 'pairing';
    state = { phase: 'closed' };
    const last: Message = { t: greeting ? 'denied' : 'error', ...refusalOf(error) };
    return [{ do: 'close', error, last }];
  }

  return {
    receive,
    paired(rights) {
      if (state.phase !== 'pairing' || state.step !== 'judging') return [];
      return [welcome({ as: 'peer', rights })];
    },
    grant(listed) {
      if (state.phase !== 'ready') return undefined;
      const rights = [...new Set([...state.rights, ...within(mode, 'peer', listed)])];
      if (rights.length === state.rights.length) return undefined;
      state = { ...state, rights };
      return rights;
    },
    refuse,
    digest: () => digest,
    clientName: () => clientName,
    work: () => (state.phase === 'ready' ? state.work.size : 0),
    done(id) {
      if (state.phase !== 'ready') return;
      const work = new Map(state.work);
      work.delete(id);
      state = { ...state, work };
    },
  };
}

function mustRise({ lastId }: Ready, id: number): void {
  if (id <= lastId) throw new SharingError('protocol', `request ${id} after ${lastId}`);
}

function directionOf(
  { work }: { readonly work: ReadonlyMap<number, Work> },
  id: number,
): Direction | undefined {
  const one = work.get(id);
  return one === 'listing' ? undefined : one;
}

/** One path of a list; each that is refused is refused alone. */
export interface AskedPath {
  readonly text: string;
  readonly path: SafePath | SharingError;
}

function asked(text: string): AskedPath {
  try {
    return { text, path: safePath(text) };
  } catch (error) {
    if (error instanceof SharingError) return { text, path: error };
    throw error;
  }
}

function serving({ id, path, glob, further = [] }: MessageOf<'get'>): ServerAction {
  if (further.length > 0) {
    return { do: 'serve-list', id, paths: [path, ...further].map(asked) };
  }
  const safe = glob ? patternPath(path) : safePath(path);
  return { do: 'serve', id, path: safe, glob: glob === true };
}

function accept({ rights }: Ready, offer: MessageOf<'offer'>): ServerAction {
  const { id, batch, as, policy = 'number' } = offer;
  const replaces = policy === 'overwrite' || policy === 'update';
  if (replaces && !rights.includes('replace')) {
    throw new SharingError('no-right', 'you may not replace files here');
  }
  if (batch) return { do: 'accept-batch', id, offer, policy };
  const row = onlyFile(offer);
  return { do: 'accept', id, offer: row, policy, ...(as !== undefined && { as }) };
}

function answer(id: number, error: SharingError): ServerAction {
  return { do: 'send', message: { t: 'error', id, ...refusalOf(error) } };
}

function unsupported({ kind, id }: UnknownMessage): readonly ServerAction[] {
  return id === undefined ? [] : [answer(id, new SharingError('unsupported', kind))];
}

function breach({ t }: Incoming, where: string): SharingError {
  return new SharingError('protocol', `${t} is not legal ${where}`);
}
