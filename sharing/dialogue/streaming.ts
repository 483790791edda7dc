import { deferred } from '#sharing/dialogue/deferred.js';
import { withCancel, type Moving } from '#sharing/dialogue/moving.js';
import { SharingError } from '#sharing/errors.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Outlet } from '#sharing/transfer/outlet.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { ReceiveOutcome } from '#sharing/transfer/receive.js';
import { closeOnStall, patience } from '#sharing/transfer/stall.js';
import { startStreaming, type Streaming } from '#sharing/transfer/stream.js';
import type { Connection } from '#sharing/transport/connection.js';
import { onlyFile } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

export interface StreamWish {
  /** What the receipt calls it. */
  readonly name: SafeName;
  readonly outlet: Outlet;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/**
 * Gets one file and hands its bytes on in their order, over the session's own connection. Rejects with the server's refusal,
 * `is-folder` for what is no single file, or the reason of a lost connection.
 */
export async function stream(
  moving: Moving,
  path: string,
  { name, outlet, onProgress, signal }: StreamWish,
): Promise<ReceiveOutcome> {
  const { connection, requests, transfers, algorithm, stallTime } = moving;
  const outcome = deferred<ReceiveOutcome>();
  let arriving: Streaming | undefined;
  const id = requests.begin('getting', (begun) => ({
    refused(error) {
      if (arriving) arriving.abandon(error);
      else outcome.reject(error);
    },
    offered(offer) {
      if (offer.batch) arriving = refuseBatch(connection, begun, stallTime);
      else {
        const [, size, , tag] = onlyFile(offer);
        const file = { id: begun, name, outlet, size, tag, algorithm, stallTime };
        arriving = startStreaming(connection, { ...file, ...(onProgress && { onProgress }) });
      }
      transfers.receiving.set(begun, arriving);
      arriving.outcome.then(outcome.resolve, outcome.reject);
      if (signal?.aborted) arriving.cancel();
    },
  }));
  connection.send({ t: 'get', id, path });
  return withCancel(moving, id, outcome.promise, () => arriving?.cancel(), signal);
}

/** A folder is many files: it is broken off before anything of it is wanted (PROTOCOL.md, "Batches"). */
function refuseBatch(connection: Connection, id: number, stallTime: number): Streaming {
  const ended = deferred<ReceiveOutcome>();
  const error = new SharingError('is-folder', 'many files where one was to come');
  const abandon = (): void => {
    ended.reject(error);
  };
  connection.send({ t: 'stop', id, ...refusalOf(new SharingError('cancelled', error.message)) });
  // That it is a folder is known, whoever leaves now.
  connection.signal.addEventListener('abort', abandon, { once: true });
  const waiting = (): number => patience.answer;
  const watch = closeOnStall(connection, stallTime, waiting, 'the sender does not stop');
  ended.promise
    .catch(() => undefined)
    .finally(() => {
      watch[Symbol.dispose]();
      connection.signal.removeEventListener('abort', abandon);
    });
  return {
    tell(frame) {
      if (frame.t === 'stop') abandon();
      return undefined;
    },
    intake: () => ({ chunk: () => undefined, data: () => undefined, lost: () => undefined }),
    cancel: () => undefined,
    abandon,
    outcome: ended.promise,
  };
}
