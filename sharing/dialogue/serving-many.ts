import type { Track } from '#sharing/dialogue/ledger.js';
import { openRoad } from '#sharing/dialogue/lanes.js';
import { agreedDigest, fileFailed, topName, type Service } from '#sharing/dialogue/serving.js';
import { readingFrom, SharingError } from '#sharing/errors.js';
import type { ServerAction } from '#sharing/session/server.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { matching } from '#sharing/storage/matches.js';
import { pathText, type SafeName, type SafePath } from '#sharing/storage/path.js';
import type { Top } from '#sharing/storage/walk.js';
import type { ReceivedOne } from '#sharing/batch/last-words.js';
import { startBatchReceiving } from '#sharing/batch/receive.js';
import { startBatchSending, type SentOne } from '#sharing/batch/send.js';

/** Offers a folder of the share, or all that matches a pattern, and sends what the client wants of it. */
export async function sendMany(
  service: Service,
  id: number,
  asked: SafePath,
  glob: boolean,
): Promise<void> {
  const { connection, transfers, share, stallTime } = service;
  using track = service.track('out', pathText(asked), 0);
  const tally = openTally(service, 'many-out', pathText(asked), track);
  await using folders = folderCache(share.root);
  const first = await readingFrom(async () => {
    await share.root.mustExist();
    // What cannot be read is refused; once it is offered it would stand there empty.
    if (!glob) (await folders.take(asked)).release();
    const tops = glob ? matches(folders, asked) : [{ name: nameOf(asked), folders, at: asked }];
    return firstOf(tops);
  });
  if (!first) throw new SharingError('not-found', 'nothing matches');
  using lanes = openRoad(transfers, connection, id);
  const sending = startBatchSending(lanes.road, {
    id,
    tops: first,
    algorithm: agreedDigest(service),
    tagKey: share.tagKey,
    stallTime,
    wish: {},
    decides: false,
    left: { links: 0, hidden: 0 },
    onProgress: track.onProgress,
    onEnd: tally.note,
  });
  transfers.sending.set(id, sending);
  try {
    await tally.follow(sending.outcome);
  } finally {
    transfers.sending.delete(id);
    service.rules.done(id);
  }
}

async function* matches(folders: Top['folders'], pattern: SafePath): AsyncGenerator<Top> {
  for await (const at of matching(folders, pattern)) yield { name: nameOf(at), folders, at };
}

function nameOf(path: readonly SafeName[]): SafeName {
  const name = path.at(-1);
  if (name === undefined) throw new SharingError('is-folder', 'the share itself');
  return name;
}

/** The same, if there is at least one. */
async function firstOf(
  tops: AsyncIterable<Top> | Iterable<Top>,
): Promise<AsyncIterable<Top> | undefined> {
  const rest = (async function* (): AsyncGenerator<Top> {
    yield* tops;
  })();
  const first = await rest.next();
  if (first.done) return undefined;
  return (async function* (): AsyncGenerator<Top> {
    yield first.value;
    yield* rest;
  })();
}

/** Takes what a client offers in one batch. It ends by its own last words, whatever happens. */
export async function receiveMany(
  service: Service,
  { id, offer, policy }: Extract<ServerAction, { do: 'accept-batch' }>,
): Promise<void> {
  const { connection, transfers, clientId, stallTime, receivedPrefix } = service;
  const path = offer.files[0]?.[0] ?? '';
  using track = service.track('in', path, 0);
  const tally = openTally(service, 'many-in', path, track);
  await using landing = service.landingArea();
  using lanes = openRoad(transfers, connection, id);
  const receiving = startBatchReceiving(lanes.road, offer, {
    id,
    area: landing.open,
    room: service.room(),
    nameOf: (name) => topName(receivedPrefix, name, offer.as),
    policy,
    peer: clientId,
    algorithm: agreedDigest(service),
    stallTime,
    onProgress: track.onProgress,
    onEnd: tally.note,
  });
  transfers.receiving.set(id, receiving);
  try {
    await tally.follow(receiving.outcome);
  } finally {
    transfers.receiving.delete(id);
    service.rules.done(id);
  }
}

/** What came of the files of one batch, for who watches this server. */
interface Tally {
  /** One thing ended. */
  readonly note: (one: SentOne | ReceivedOne) => void;
  /** Tells how all of it ended. Rejects only with what the client has not heard already. */
  follow(outcome: Promise<unknown>): Promise<void>;
}

function openTally(
  { connection, observe, session }: Service,
  event: 'many-out' | 'many-in',
  path: string,
  track: Track,
): Tally {
  const began = performance.now();
  const count = { files: 0, bytes: 0, failed: 0 };

  function failed(failedPath: string, error: SharingError): void {
    count.failed += 1;
    observe(fileFailed(session, failedPath, error));
  }

  return {
    note(one) {
      if (one.kind === 'problem') failed(one.path, one.error);
      if (one.kind !== 'file') return;
      if (one.outcome.kind === 'failed') failed(one.path, one.outcome.error);
      else {
        count.files += 1;
        if (!one.travelled) return;
        count.bytes += one.size;
        track.whole(one.size);
      }
    },
    async follow(outcome) {
      try {
        await outcome;
        observe({ event, session, path, ...count, took: performance.now() - began });
      } catch (error) {
        if (connection.signal.aborted || !(error instanceof SharingError)) throw error;
        observe(fileFailed(session, path, error));
      }
    },
  };
}
