import { deferred } from '#sharing/dialogue/deferred.js';
import { withLane, withThread, type ThreadPays } from '#sharing/dialogue/lane-wishes.js';
import { openRoad } from '#sharing/dialogue/lanes.js';
import type { Requests } from '#sharing/dialogue/requests.js';
import type { Transfers } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { SharedReads } from '#sharing/storage/shared-reads.js';
import type { Source } from '#sharing/storage/source.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { ReceivedOne } from '#sharing/batch/last-words.js';
import { startBatchReceiving, type LeftOut } from '#sharing/batch/receive.js';
import { startBatchSending, type SentOne } from '#sharing/batch/send.js';
import { maySkip } from '#sharing/transfer/belief.js';
import { startReceiving, type ReceiveOutcome, type Receiving } from '#sharing/transfer/receive.js';
import { startSending } from '#sharing/transfer/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Top } from '#sharing/storage/walk.js';
import { onlyFile, type Policy } from '#sharing/wire/message.js';
import type { OfferRow } from '#sharing/wire/rows.js';

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
  readonly threadPays: ThreadPays;
}

export interface GetWish {
  /** Made when the server has offered the file. */
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** Final name of a file that has the path itself; undefined where there are several paths. */
  readonly name: SafeName | undefined;
  /** Final name of what the server offers for a folder or a glob. Throws SharingError for what was not asked for. */
  readonly nameOf: (offered: SafeName, type: 'file' | 'folder') => SafeName;
  /** What has no such path may match it. */
  readonly glob: boolean;
  /** More paths, each for itself, in the same transfer. */
  readonly further: readonly string[];
  readonly policy: Policy;
  /** For a folder or a glob: how each file in it ended. */
  readonly onEnd: (one: ReceivedOne) => void;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A folder, or what matched a glob: how its files ended was told one by one. */
export interface ManyMoved {
  readonly kind: 'many';
  readonly left: LeftOut;
}

/** Gets a file, a folder or what matches. Rejects with the server's refusal, or the reason of a lost connection. */
export async function get(
  moving: Moving,
  path: string,
  wish: GetWish,
): Promise<ReceiveOutcome | ManyMoved> {
  const { connection, requests, transfers, algorithm, serverId, stallTime } = moving;
  let arriving: Pick<Receiving, 'abandon' | 'cancel'> | undefined;
  const { area, room, policy, glob, further, onEnd } = wish;
  const outcome = deferred<ReceiveOutcome | ManyMoved>();
  const id = requests.begin('getting', (begun) => ({
    refused(error) {
      // Once it has begun, it ends by itself, and only then may its folder be let go.
      if (arriving) arriving.abandon(error);
      else outcome.reject(error);
    },
    offered(offer) {
      const common = {
        id: begun,
        area,
        room,
        policy,
        peer: serverId,
        algorithm,
        stallTime,
        onProgress: withLane(moving, begun, wish.onProgress),
      };
      const { road } = openRoad(transfers, connection, begun);
      if (offer.batch) {
        const { nameOf } = wish;
        const many = startBatchReceiving(road, offer, { ...common, nameOf, onEnd });
        transfers.receiving.set(begun, many);
        arriving = many;
        many.outcome.then((left) => {
          outcome.resolve({ kind: 'many', left });
        }, outcome.reject);
      } else {
        const [, size, mtime, tag] = onlyFile(offer);
        const { name } = wish;
        if (name === undefined) throw new SharingError('protocol', 'one file in place of several');
        road.surviveLanes(() => undefined);
        const onProgress = withThread(moving, begun, common.onProgress);
        const file = { file: 0, name, size, mtime, tag, onProgress };
        const one = startReceiving(road, { ...common, ...file });
        transfers.receiving.set(begun, one);
        arriving = one;
        one.outcome.then(outcome.resolve, outcome.reject);
      }
      if (wish.signal?.aborted) arriving.cancel();
    },
  }));
  const more = further.length > 0 && { further: [...further] };
  connection.send({ t: 'get', id, path, ...(glob && { glob }), ...more });
  return withCancel(moving, id, outcome.promise, () => arriving?.cancel(), wish.signal);
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
  const { as } = wish;
  let refusal: SharingError | undefined;
  const id = requests.begin('sending', (begun) => {
    const { road } = openRoad(transfers, connection, begun);
    const onProgress = withLane(moving, begun, wish.onProgress);
    const common = { id: begun, file: 0, source, algorithm, stallTime, alone: true, onProgress };
    const sending = startSending(road, { ...common, maySkip: maySkip(wish.policy) });
    transfers.sending.set(begun, sending);
    sending.outcome.then((ended) => {
      if (refusal && ended.kind === 'failed') outcome.reject(refusal);
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

export interface PutManyOptions {
  readonly tops: readonly Top[];
  /** A plain name for the only one. */
  readonly as?: SafeName;
  readonly policy: Policy;
  readonly tagKey: Buffer;
  readonly reads?: SharedReads;
  readonly onEnd: (one: SentOne) => void;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Puts files and folders in one transfer. Rejects with the server's refusal, or the reason of a lost connection. */
export async function putMany(moving: Moving, wish: PutManyOptions): Promise<LeftOut> {
  const { connection, requests, transfers, algorithm, stallTime } = moving;
  const { tops, as, policy, tagKey, reads, onEnd } = wish;
  const left = { links: 0, hidden: 0 };
  const outcome = deferred<LeftOut>();
  const options = {
    tops,
    algorithm,
    tagKey,
    stallTime,
    wish: { ...(as !== undefined && { as }), ...(policy !== 'number' && { policy }) },
    decides: true,
    left,
    onEnd,
    ...(reads && { reads }),
  };
  const id = requests.begin('sending', (begun) => {
    const { road } = openRoad(transfers, connection, begun);
    const onProgress = withLane(moving, begun, wish.onProgress);
    const sending = startBatchSending(road, { id: begun, ...options, onProgress });
    transfers.sending.set(begun, sending);
    sending.outcome.then(() => {
      outcome.resolve(left);
    }, outcome.reject);
    return {
      refused(error) {
        sending.abandon(error);
      },
    };
  });
  const cancel = (): void => transfers.sending.get(id)?.cancel();
  return withCancel(moving, id, outcome.promise, cancel, wish.signal);
}

/** Waits for a transfer's last word; a cancel that gets none in time closes the connection. */
export async function withCancel<T>(
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
    transfers.roads.get(id)?.road.end();
    transfers.roads.delete(id);
    requests.done(id);
  }
}
