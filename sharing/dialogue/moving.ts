import type { Requests } from '#sharing/dialogue/requests.js';
import type { Transfers } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { Source } from '#sharing/storage/source.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { startReceiving, type ReceiveOutcome, type Receiving } from '#sharing/transfer/receive.js';
import { startSending } from '#sharing/transfer/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { OfferRow, Policy } from '#sharing/wire/message.js';

/** Milliseconds that a cancelled transfer gets to end cleanly before the connection is closed. */
const cancelTime = 800;

/** What the transfers of one client have in common. */
export interface Moving {
  readonly connection: Connection;
  readonly requests: Requests;
  readonly transfers: Transfers;
  readonly algorithm: DigestAlgorithm;
  readonly serverId: string;
  readonly stallTime: number;
}

export interface GetOptions {
  /** Made when the server has offered the file. */
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** Final name, with the prefix. */
  readonly name: SafeName;
  readonly policy: Policy;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Gets one file. Rejects with the server's refusal, or with the reason of a lost connection. */
export async function get(moving: Moving, path: string, wish: GetOptions): Promise<ReceiveOutcome> {
  const { connection, requests, transfers, algorithm, serverId, stallTime } = moving;
  let receiving: Receiving | undefined;
  const { onProgress } = wish;
  const outcome = deferred<ReceiveOutcome>();
  const id = requests.begin('getting', (begun) => ({
    refused(error) {
      // Once it has begun, it ends by itself, and only then may its folder be let go.
      if (receiving) receiving.abandon(error);
      else outcome.reject(error);
    },
    offered([, size, mtime, tag]) {
      receiving = startReceiving(connection, {
        id: begun,
        file: 0,
        area: wish.area,
        room: wish.room,
        name: wish.name,
        policy: wish.policy,
        size,
        mtime,
        tag,
        peer: serverId,
        algorithm,
        stallTime,
        ...(onProgress && { onProgress }),
      });
      transfers.receiving.set(begun, receiving);
      receiving.outcome.then(outcome.resolve, outcome.reject);
      if (wish.signal?.aborted) receiving.cancel();
    },
  }));
  connection.send({ t: 'get', id, path });
  return withCancel(moving, id, outcome.promise, () => receiving?.cancel(), wish.signal);
}

export interface PutOptions {
  /** The name that is offered; the server puts its prefix before it. */
  readonly name: SafeName;
  /** A plain name instead. */
  readonly as?: SafeName;
  readonly policy: Policy;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Puts one file. Rejects with the server's refusal, or with the reason of a lost connection. */
export async function put(moving: Moving, source: Source, wish: PutOptions): Promise<SendOutcome> {
  const { connection, requests, transfers, algorithm, stallTime } = moving;
  const outcome = deferred<SendOutcome>();
  const { size, mtime, tag } = source;
  const { as, onProgress } = wish;
  let refusal: SharingError | undefined;
  const id = requests.begin('sending', (begun) => {
    const options = { id: begun, file: 0, source, algorithm, stallTime };
    const sending = startSending(connection, { ...options, ...(onProgress && { onProgress }) });
    transfers.sending.set(begun, sending);
    sending.outcome.then((ended) => {
      if (refusal) outcome.reject(refusal);
      else outcome.resolve(ended);
    }, outcome.reject);
    return {
      refused(error) {
        refusal = error;
        sending.abandon();
      },
    };
  });
  const files: OfferRow[] = [[wish.name, size, mtime, tag]];
  const { policy } = wish;
  connection.send({
    t: 'offer',
    id,
    files,
    more: false,
    ...(as !== undefined && { as }),
    ...(policy !== 'number' && { policy }),
  });
  const cancel = (): void => transfers.sending.get(id)?.cancel();
  return withCancel(moving, id, outcome.promise, cancel, wish.signal);
}

/** Waits for a transfer's last word; a cancel that gets none in time closes the connection. */
async function withCancel<T>(
  { connection, requests, transfers }: Moving,
  id: number,
  outcome: Promise<T>,
  cancel: () => void,
  stop: AbortSignal | undefined,
): Promise<T> {
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
    return await outcome;
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', onAbort);
    transfers.sending.delete(id);
    transfers.receiving.delete(id);
    requests.done(id);
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}
