import type { Track } from '#sharing/dialogue/ledger.js';
import type { Transfers } from '#sharing/dialogue/transfers.js';
import { openRoad } from '#sharing/dialogue/lanes.js';
import { readingFrom, SharingError } from '#sharing/errors.js';
import type { Observe, SharingEvent } from '#sharing/events.js';
import type { ServerAction, ServerRules } from '#sharing/session/server.js';
import type { LazyArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import {
  pathText,
  safeName,
  safePath,
  type SafeName,
  type SafePath,
} from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { Share } from '#sharing/storage/share.js';
import { startReceiving } from '#sharing/transfer/receive.js';
import { startSending } from '#sharing/transfer/send.js';
import { closeOnStall, patience } from '#sharing/transfer/stall.js';
import type { Connection } from '#sharing/transport/connection.js';
import { inPages } from '#sharing/dialogue/pages.js';
import type { EntryRow } from '#sharing/wire/rows.js';

/** What one session serves from, and to whom. */
export interface Service {
  readonly connection: Connection;
  readonly rules: ServerRules;
  readonly transfers: Transfers;
  readonly share: Share;
  /** For each file anew: what others did to the folder meanwhile must be seen. */
  readonly landingArea: () => LazyArea;
  readonly room: () => Room;
  readonly clientId: string;
  /** Number of the session, for the events. */
  readonly session: number;
  readonly receivedPrefix: string;
  /** Milliseconds without movement after which a transfer, and its connection, is given up. */
  readonly stallTime: number;
  readonly observe: Observe;
  /** Notes a transfer that begins, for who asks what is under way; `size` in bytes, as far as it is known. */
  readonly track: (direction: 'in' | 'out', path: string, size: number) => Track;
}

/** Sends the rows of a folder, page by page, at the pace of the reader. */
export async function listFolder(service: Service, id: number, path: SafePath): Promise<void> {
  const { connection, share, observe, session, stallTime } = service;
  let reading = true;
  let unshared = 0;
  const waiting = (): number => (reading ? 0 : patience.sender);
  using watch = closeOnStall(connection, stallTime, waiting, 'the client does not take the list');
  const sendPages = async (): Promise<void> => {
    for await (const page of share.list(path)) {
      unshared += page.unshared;
      const rows = page.entries.map((one): EntryRow => [one.name, one.type, one.size, one.mtime]);
      for (const part of inPages(rows)) {
        reading = false;
        await connection.drained();
        reading = true;
        watch.moved();
        if (connection.signal.aborted) return;
        connection.send({ t: 'entries', id, rows: part, more: true });
      }
    }
  };
  await readingFrom(sendPages);
  if (connection.signal.aborted) return;
  connection.send({ t: 'entries', id, rows: [], more: false, ...(unshared > 0 && { unshared }) });
  observe({ event: 'listed', session, path: pathText(path) });
}

/** Offers a file of the share and sends what the client wants of it. */
export async function sendFile(service: Service, id: number, asked: SafePath): Promise<void> {
  const { connection, transfers, share, observe, session, stallTime } = service;
  const began = performance.now();
  const path = pathText(asked);
  const source = await readingFrom(() => share.open(asked));
  const { size, mtime, tag } = source;
  const algorithm = agreedDigest(service);
  using lanes = openRoad(transfers, connection, id);
  using track = service.track('out', path, size);
  const { onProgress } = track;
  const common = { id, file: 0, source, algorithm, stallTime, alone: true, onProgress };
  // What stands there already is judged by the client's own policy.
  const sending = startSending(lanes.road, { ...common, maySkip: true });
  transfers.sending.set(id, sending);
  connection.send({ t: 'offer', id, files: [[path, size, mtime, tag]], more: false });
  try {
    const outcome = await sending.outcome;
    if (outcome.kind === 'stored') {
      const { as, digest } = outcome;
      const took = performance.now() - began;
      track.whole(size);
      observe({ event: 'file-out', session, path, as, size, digest, took });
    } else if (outcome.kind === 'failed') {
      observe(fileFailed(session, path, outcome.error));
    } else {
      observe({ event: 'file-same', session, path, as: outcome.as });
    }
  } finally {
    transfers.sending.delete(id);
    service.rules.done(id);
  }
}

/** Judges an offer and takes the file. The offered path gives the name and nothing else. */
export async function receiveFile(
  service: Service,
  { id, offer, policy, as: plain }: Extract<ServerAction, { do: 'accept' }>,
): Promise<void> {
  const { connection, transfers, room, clientId, observe, session, stallTime } = service;
  const [path, size, mtime, tag] = offer;
  const began = performance.now();
  await using landing = service.landingArea();
  using lanes = openRoad(transfers, connection, id);
  using track = service.track('in', path, size);
  // What a lane takes with it is sent again.
  lanes.road.surviveLanes(() => undefined);
  const receiving = startReceiving(lanes.road, {
    id,
    file: 0,
    area: landing.open,
    room: room(),
    name: topName(service.receivedPrefix, lastName(path), plain),
    policy,
    size,
    mtime,
    tag,
    peer: clientId,
    algorithm: agreedDigest(service),
    stallTime,
    onProgress: track.onProgress,
  });
  transfers.receiving.set(id, receiving);
  try {
    const outcome = await receiving.outcome;
    if (outcome.kind === 'received') {
      const { as, digest } = outcome;
      const took = performance.now() - began;
      track.whole(size);
      observe({ event: 'file-in', session, path, as, size, digest, took });
    } else if (outcome.kind === 'failed') {
      observe(fileFailed(session, path, outcome.error));
    } else {
      observe({ event: 'file-same', session, path, as: outcome.as });
    }
  } finally {
    transfers.receiving.delete(id);
    // Now, not when the folder is let go of: a word that comes meanwhile is late.
    service.rules.done(id);
  }
}

/** A file that failed, as the owner of this server hears of it. */
export function fileFailed(
  session: number,
  path: string,
  { code, message, facts }: SharingError,
): SharingEvent {
  return { event: 'file-failed', session, path, code, message, facts };
}

/** All of the offered path is judged; what is used of it is its last name. */
function lastName(offered: string): SafeName {
  const last = safePath(offered).at(-1);
  if (last === undefined) throw new SharingError('name-refused', 'an empty name');
  return last;
}

/** The name of what is offered, here: `plain` if one was asked for, else with the prefix. */
export function topName(prefix: string, offered: SafeName, plain: string | undefined): SafeName {
  return safeName(plain ?? `${prefix}${offered}`);
}

/** The algorithm that both sides use. */
export function agreedDigest({ rules }: Service): DigestAlgorithm {
  const agreed = rules.digest();
  if (!agreed) throw new SharingError('internal', 'a transfer before the welcome');
  return agreed;
}
