import type { Asking } from '#sharing/dialogue/asking.js';
import type { ReceivedOne } from '#sharing/batch/last-words.js';
import type { LeftOut } from '#sharing/batch/receive.js';
import { SharingError } from '#sharing/errors.js';
import { gathering, marked, type OnEnded } from '#sharing/gathering.js';
import type { Device } from '#sharing/identity/device.js';
import type { Arrivals } from '#sharing/storage/arrivals.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { isSafeName, safeName, safePath, type SafeName } from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { SharedReads } from '#sharing/storage/shared-reads.js';
import type { Outlet } from '#sharing/transfer/outlet.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { ReceiveOutcome } from '#sharing/transfer/receive.js';
import type { Policy } from '#sharing/wire/message.js';
import { wantedBy, wantedList } from '#sharing/dialogue/wanted.js';

/** What a client moves files with. */
export interface Mover {
  readonly device: Device;
  readonly asking: Asking;
  readonly room: Room;
  readonly arrivals: Arrivals;
}

export interface TransferOptions {
  /** A plain name, without prefix; for one file or folder. */
  readonly as?: string;
  /** What becomes of it when its name is taken: numbered, if nothing is said. */
  readonly policy?: Policy;
  /** Told of every file or folder that was named or matched, and of each failure, as it ends. */
  readonly onEnded: OnEnded;
  /** Told of each file in a folder too, once the folder is complete. */
  readonly each?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** For a put: what is read is shared with the other servers that get the same. */
  readonly reads?: SharedReads;
}

export interface GetOptions extends TransferOptions {
  /** Made if need be. */
  readonly folder: string;
  /** Asked of each path of a list when it comes to that; what is not wanted any more is left, without a word. */
  readonly stillWanted?: (path: string) => boolean;
  readonly receivedPrefix: string;
}

/** One file whose bytes are handed on and not saved. */
export interface StreamOptions extends Pick<TransferOptions, 'onEnded' | 'onProgress' | 'signal'> {
  /** The same one for each attempt to get the file: it knows how much of it was handed on. */
  readonly outlet: Outlet;
}

/** Nothing was left out. */
export const nothingLeft: LeftOut = { links: 0, hidden: 0 };

/** Gets what a path names, or what matches it, or in one transfer what several paths name that `asLists` put together. */
export async function getFrom(
  { asking, room, arrivals }: Mover,
  paths: readonly [string, ...string[]],
  options: GetOptions,
): Promise<LeftOut> {
  const { folder, receivedPrefix, as, policy = 'number', each = false } = options;
  const { stillWanted = () => true, onEnded, onProgress, signal } = options;
  const [typed, ...further] = paths;
  const wanted = further.length > 0 ? wantedList(paths) : wantedBy(typed, as);
  const prefixed = (name: string): SafeName =>
    as === undefined ? safeName(`${receivedPrefix}${name}`) : plainName(as);
  let opened: Promise<LandingArea> | undefined;
  const gathered = gathering(each, onEnded);

  const outcome = await asking.get(wanted.path, {
    area: () => (opened ??= arrivals.open(folder)),
    room,
    name: further.length > 0 ? undefined : prefixed(wanted.last),
    glob: wanted.glob,
    further: wanted.further,
    nameOf(offered) {
      const name = wanted.take(offered);
      if (name === undefined) {
        throw new SharingError('name-refused', `"${offered}" was not asked for`);
      }
      if (!stillWanted(wanted.pathOf(offered))) {
        throw new SharingError('cancelled', 'not wanted any more');
      }
      return prefixed(name);
    },
    policy,
    onEnd(one) {
      if (isCancelled(one) && !stillWanted(wanted.pathOf(topOf(one.path)))) return;
      const top = one.path.includes('/') ? wanted.pathOf(topOf(one.path)) : undefined;
      const isGood = one.kind === 'file' && one.outcome.kind !== 'failed';
      const isTold = each || top === undefined || !isGood;
      const path = isTold ? wanted.pathOf(one.path) : one.path;
      if (one.kind === 'folder') gathered.folder(path, one.as);
      // Also when it is the top itself: then its folder stands without all that it should hold.
      else if (one.kind === 'problem') gathered.failed(top ?? path, path, one.error);
      else if (one.kind === 'refused') {
        wanted.take(one.path);
        gathered.failed(undefined, path, one.error);
      } else if (one.outcome.kind === 'failed') gathered.failed(top, path, one.outcome.error);
      else {
        const { outcome } = one;
        const as = isTold ? [...one.below.slice(1), outcome.as].join('/') : outcome.as;
        if (outcome.kind === 'skipped') gathered.file(top, { outcome: outcome.kind, path, as });
        else {
          const { kind: how, size, digest } = outcome;
          gathered.file(top, { outcome: how, path, as, size, digest });
        }
      }
    },
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  if (outcome.kind === 'many') {
    for (const path of wanted.untold()) {
      const error = new SharingError('read-failed', 'the server says nothing of it');
      onEnded({ outcome: 'failed', path, error });
    }
    return outcome.left;
  }
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind === 'skipped') onEnded({ outcome: 'skipped', path: typed, as: outcome.as });
  else {
    const { kind, as: stored, size, digest } = outcome;
    onEnded(marked({ outcome: kind, path: typed, as: stored, size, digest }, as ?? wanted.last));
  }
  return nothingLeft;
}

/** Hands the bytes of one file on, in their order, in place of saving them. */
export async function streamFrom(
  { asking }: Mover,
  typed: string,
  { outlet, onEnded, onProgress, signal }: StreamOptions,
): Promise<void> {
  const path = safePath(typed);
  const name = path.at(-1);
  if (name === undefined) throw new SharingError('is-folder', 'the share itself', { path: typed });
  const outcome = await asking.stream(path.join('/'), {
    name,
    outlet,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind !== 'received') throw new SharingError('internal', 'a stream has no name');
  const { as, size, digest } = outcome;
  onEnded({ outcome: 'received', path: typed, as, size, digest });
}

function isCancelled(one: ReceivedOne): boolean {
  if (one.kind === 'folder') return false;
  const error = one.kind === 'file' ? errorOf(one.outcome) : one.error;
  return error?.code === 'cancelled';
}

function errorOf(outcome: ReceiveOutcome): SharingError | undefined {
  return outcome.kind === 'failed' ? outcome.error : undefined;
}

function topOf(path: string): string {
  const below = path.indexOf('/');
  return below < 0 ? path : path.slice(0, below);
}

/** A name that the user chose for the other side of the transfer. */
export function plainName(as: string): SafeName {
  if (isSafeName(as)) return as;
  throw new SharingError('name-refused', `"${as}" is no plain name`, { what: 'as' });
}
