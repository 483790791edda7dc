import { pageQueue } from '#sharing/dialogue/pages.js';
import { transferTable } from '#sharing/dialogue/transfers.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import type { ClientAction, ClientRules } from '#sharing/session/client.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { Entry } from '#sharing/storage/share.js';
import type { Source } from '#sharing/storage/source.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { startReceiving, type ReceiveOutcome, type Receiving } from '#sharing/transfer/receive.js';
import { startSending, type Sending } from '#sharing/transfer/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { EntryRow, MessageOf, OfferRow } from '#sharing/wire/message.js';
import { randomBytes } from 'node:crypto';

/** Milliseconds that a cancelled transfer gets to end cleanly before the connection is closed. */
const cancelTime = 800;

export interface AskingOptions {
  readonly connection: Connection;
  readonly rules: ClientRules;
  /** Our own name, for the server's log. */
  readonly name: string;
  readonly serverId: string;
  /** Milliseconds until the welcome must be here. */
  readonly helloTime: number;
  readonly stallTime: number;
}

export interface GetOptions {
  readonly area: LandingArea;
  readonly room: Room;
  /** Final name, with the prefix. */
  readonly name: SafeName;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface PutOptions {
  /** The name that is offered; the server puts its prefix before it. */
  readonly name: SafeName;
  /** A plain name instead. */
  readonly as?: SafeName;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The client's side of one session, after the welcome. */
export interface Asking {
  readonly welcome: MessageOf<'welcome'>;
  list(path: string, signal?: AbortSignal): AsyncGenerator<readonly Entry[], void, undefined>;
  get(path: string, options: GetOptions): Promise<ReceiveOutcome>;
  put(source: Source, options: PutOptions): Promise<SendOutcome>;
  bye(): Promise<void>;
}

/** What one request waits for. */
interface Pending {
  readonly rows?: (rows: readonly EntryRow[], more: boolean) => Promise<void> | undefined;
  readonly offered?: (offer: OfferRow) => void;
  readonly refused: (error: SharingError) => void;
}

/**
 * Says hello and waits for the welcome. Throws SharingError with the server's reason when it does not let
 * us in, `unknown-server` when we do not know it, `not-lanpost` when it says nothing in time.
 */
export async function ask(options: AskingOptions): Promise<Asking> {
  const { connection, rules, serverId, stallTime } = options;
  const { signal } = connection;
  const transfers = transferTable();
  const pending = new Map<number, Pending>();
  let algorithm: DigestAlgorithm = 'blake3';
  let welcomed: (welcome: MessageOf<'welcome'>) => void = () => undefined;

  const welcome = await new Promise<MessageOf<'welcome'>>((resolve, reject) => {
    const timer = setTimeout(() => {
      connection.close(new SharingError('not-lanpost', 'no answer to hello'));
    }, options.helloTime);
    const stop = (): void => {
      clearTimeout(timer);
      reject(asSharingError(signal.reason));
    };
    signal.addEventListener('abort', stop, { once: true });
    welcomed = (message) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(message);
    };
    if (signal.aborted) stop();
    connection.receive((incoming) => {
      let busy: Promise<void> | undefined;
      for (const action of rules.receive(incoming)) {
        const wait = carryOut(action);
        if (wait) busy = busy ? busy.then(() => wait) : wait;
      }
      return busy;
    });
    connection.send(rules.hello(options.name));
  });

  signal.addEventListener(
    'abort',
    () => {
      for (const { refused } of pending.values()) refused(asSharingError(signal.reason));
    },
    { once: true },
  );

  function carryOut(action: ClientAction): Promise<void> | undefined {
    switch (action.do) {
      case 'welcome':
        algorithm = action.digest;
        welcomed(action.welcome);
        return undefined;
      case 'send':
        connection.send(action.message);
        return undefined;
      case 'close':
        connection.close(action.error, action.last);
        return undefined;
      case 'rows':
        return rows(action.id, action.rows, action.more);
      case 'offered':
        pending.get(action.id)?.offered?.(action.offer);
        return undefined;
      case 'refused':
        pending.get(action.id)?.refused(action.error);
        return undefined;
      default:
        return transfers.carryOut(action);
    }
  }

  function begin(work: 'listing' | 'getting' | 'sending', request: Pending): number {
    signal.throwIfAborted();
    const id = rules.begin(work);
    pending.set(id, request);
    return id;
  }

  function done(id: number): void {
    pending.delete(id);
    rules.done(id);
  }

  function rows(id: number, page: readonly EntryRow[], more: boolean): Promise<void> | undefined {
    const request = pending.get(id);
    if (!more) rules.done(id);
    // A list that was broken off still arrives; its rows are read past.
    return request?.rows?.(page, more);
  }

  async function* list(
    path: string,
    stop?: AbortSignal,
  ): AsyncGenerator<readonly Entry[], void, undefined> {
    const pages = pageQueue();
    const id = begin('listing', { rows: pages.push, refused: pages.fail });
    const cancel = (): void => {
      pages.fail(new SharingError('cancelled', 'cancelled'));
    };
    stop?.addEventListener('abort', cancel, { once: true });
    connection.send({ t: 'list', id, path });
    try {
      yield* pages.read();
    } finally {
      stop?.removeEventListener('abort', cancel);
      pages.fail(new SharingError('cancelled', 'read no further'));
      pending.delete(id);
    }
  }

  async function get(path: string, request: GetOptions): Promise<ReceiveOutcome> {
    let receiving: Receiving | undefined;
    return withCancel(
      request.signal,
      () => receiving?.cancel(),
      async (id) => {
        const outcome = new Promise<ReceiveOutcome>((resolve, reject) => {
          pending.set(id, {
            refused(error) {
              receiving?.abandon(error);
              reject(error);
            },
            offered([, size, mtime, tag]) {
              receiving = startReceiving(connection, {
                id,
                file: 0,
                area: () => Promise.resolve(request.area),
                room: request.room,
                name: request.name,
                size,
                mtime,
                tag,
                peer: serverId,
                algorithm,
                token: randomBytes(16).toString('hex'),
                stallTime,
                ...(request.onProgress && { onProgress: request.onProgress }),
              });
              transfers.receiving.set(id, receiving);
              receiving.outcome.then(resolve, reject);
              if (request.signal?.aborted) receiving.cancel();
            },
          });
        });
        connection.send({ t: 'get', id, path });
        return outcome;
      },
      'getting',
    );
  }

  async function put(source: Source, request: PutOptions): Promise<SendOutcome> {
    let sending: Sending | undefined;
    return withCancel(
      request.signal,
      () => sending?.cancel(),
      async (id) => {
        const { size, mtime, tag } = source;
        const started = startSending(connection, {
          id,
          file: 0,
          source,
          algorithm,
          stallTime,
          ...(request.onProgress && { onProgress: request.onProgress }),
        });
        sending = started;
        transfers.sending.set(id, started);
        const outcome = new Promise<SendOutcome>((resolve, reject) => {
          pending.set(id, {
            refused(error) {
              started.abandon();
              reject(error);
            },
          });
          started.outcome.then(resolve, reject);
        });
        const files: OfferRow[] = [[request.name, size, mtime, tag]];
        const { as } = request;
        connection.send({ t: 'offer', id, files, more: false, ...(as !== undefined && { as }) });
        return outcome;
      },
      'sending',
    );
  }

  /** One transfer from its id to its end; a cancel that gets no last word in time closes the connection. */
  async function withCancel<T>(
    stop: AbortSignal | undefined,
    cancel: () => void,
    work: (id: number) => Promise<T>,
    kind: 'getting' | 'sending',
  ): Promise<T> {
    const id = begin(kind, { refused: () => undefined });
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      cancel();
      timer = setTimeout(() => {
        connection.close(new SharingError('cancelled', 'cancelled'), { t: 'bye' });
      }, cancelTime);
    };
    stop?.addEventListener('abort', onAbort, { once: true });
    if (stop?.aborted) onAbort();
    try {
      return await work(id);
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener('abort', onAbort);
      transfers.sending.delete(id);
      transfers.receiving.delete(id);
      done(id);
    }
  }

  return {
    welcome,
    list,
    get,
    put,
    async bye() {
      rules.leave();
      connection.close(undefined, { t: 'bye' });
      await connection.closed;
    },
  };
}
