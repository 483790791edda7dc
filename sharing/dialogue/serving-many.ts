import type { Track } from '#sharing/dialogue/ledger.js';
import { openRoad } from '#sharing/dialogue/lanes.js';
import { agreedDigest, fileFailed, topName, type Service } from '#sharing/dialogue/serving.js';
import { readingFrom, SharingError } from '#sharing/errors.js';
import type { ServerAction } from '#sharing/session/server.js';
import { isGlob } from '#sharing/storage/glob.js';
import { folderCache } from '#sharing/storage/folder-cache.js';
import { matching } from '#sharing/storage/matches.js';
import { pathText, type SafeName, type SafePath } from '#sharing/storage/path.js';
import type { Top } from '#sharing/storage/walk.js';
import type { ReceivedOne } from '#sharing/batch/last-words.js';
import { startBatchReceiving } from '#sharing/batch/receive.js';
import {
  startBatchSending,
  type BatchSendOptions,
  type RefusedTop,
  type SentOne,
} from '#sharing/batch/send.js';

type Tops = BatchSendOptions['tops'];

/** Offers a folder of the share, or all that matches a pattern, and sends what the client wants of it. */
export async function sendMany(
  service: Service,
  id: number,
  asked: SafePath,
  glob: boolean,
): Promise<void> {
  await using folders = folderCache(service.share.root);
  const begin = async (): Promise<Tops> => {
    // What cannot be read is refused; once it is offered it would stand there empty.
    if (!glob) (await folders.take(asked)).release();
    const tops = glob
      ? matches(folders, asked)
      : [{ name: nameOf(asked), folders, at: asked, typed: pathText(asked) }];
    const first = await firstOf(tops);
    if (!first) throw new SharingError('not-found', 'nothing matches');
    return first;
  };
  await sendBatch(service, id, pathText(asked), begin);
}

/** Offers what lies at several paths, and sends what the client wants of it. */
export async function sendList(
  service: Service,
  { id, paths }: Extract<ServerAction, { do: 'serve-list' }>,
): Promise<void> {
  await using folders = folderCache(service.share.root);
  const tops = paths.map(({ text, path }): Top | RefusedTop => {
    const name = path instanceof SharingError ? undefined : path.at(-1);
    if (name !== undefined) return { name, folders, at: path as SafePath, typed: text };
    const error =
      path instanceof SharingError ? path : new SharingError('is-folder', 'the share itself');
    service.observe(fileFailed(service.session, text, error));
    return { name: text.slice(text.lastIndexOf('/') + 1), error };
  });
  await sendBatch(service, id, paths[0]?.text ?? '', () => tops);
}

async function sendBatch(
  service: Service,
  id: number,
  path: string,
  begin: () => Promise<Tops> | Tops,
): Promise<void> {
  const { connection, transfers, share, stallTime } = service;
  using track = service.track('out', path, 0);
  const tally = openTally(service, 'many-out', path, track);
  const tops = await readingFrom(async () => {
    await share.root.mustExist();
    return begin();
  });
  using lanes = openRoad(transfers, connection, id);
  const sending = startBatchSending(lanes.road, {
    id,
    tops,
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

/** With the path above its top, where that was asked for by one. */
function nameInFull(one: SentOne | ReceivedOne): string {
  const top = 'top' in one ? one.top : undefined;
  return top?.typed === undefined ? one.path : `${top.typed}${one.path.slice(top.name.length)}`;
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
  let tops = 0;
  /** By what the whole is called where `path` did not go well. */
  let other: string | undefined;
  let isGood = false;

  function failed(failedPath: string, error: SharingError): void {
    // The other side wants it no more.
    if (error.code === 'cancelled') return;
    count.failed += 1;
    observe(fileFailed(session, failedPath, error));
  }

  return {
    note(one) {
      const named = nameInFull(one);
      if (one.kind === 'problem' || one.kind === 'refused') {
        failed(named, one.error);
        return;
      }
      const hasFailed = one.kind === 'file' && one.outcome.kind === 'failed';
      if (!hasFailed && !one.path.includes('/')) {
        tops += 1;
        other ??= named;
        if (named === path) isGood = true;
      }
      if (one.kind !== 'file') return;
      if (one.outcome.kind === 'failed') failed(named, one.outcome.error);
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
        const told = isGood || isGlob(path) ? path : (other ?? path);
        const further = isGlob(path) ? 0 : Math.max(0, tops - 1);
        observe({
          event,
          session,
          path: told,
          further,
          ...count,
          took: performance.now() - began,
        });
      } catch (error) {
        if (connection.signal.aborted || !(error instanceof SharingError)) throw error;
        observe(fileFailed(session, path, error));
      }
    },
  };
}
