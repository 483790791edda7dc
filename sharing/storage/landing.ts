import { asSharingError, errnoOf, SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import {
  chunkCount,
  digestOf,
  digestText,
  fileDigest,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import { setModificationTime } from '#sharing/storage/file-state.js';
import type { PrivateName } from '#sharing/storage/folder.js';
import { encodeJournalHeader, readSlots, writeSlot } from '#sharing/storage/journal.js';
import { maxNumber, numbered } from '#sharing/storage/naming.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { constants } from 'node:fs';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';

/** What is to land. */
export interface Expected {
  /** Final name, with the prefix; numbered when it is taken. */
  readonly name: SafeName;
  readonly size: number;
  /** Microseconds since 1970. */
  readonly mtime: number;
  readonly algorithm: DigestAlgorithm;
  /** The sender's id and its tag for the source, for the journal. */
  readonly peer: string;
  readonly tag: string;
}

/** A file that arrives. Until `publish` nothing of it is visible under a final name. */
export interface Landing {
  /**
   * Checks the chunk against its digest, then writes and journals it; each chunk once. Throws
   * SharingError `damaged`, `no-room` or `write-failed`.
   */
  write(chunk: number, bytes: Buffer, digest: Buffer): Promise<void>;
  /** True when every chunk has landed. */
  complete(): boolean;
  /**
   * Verifies size and completeness, syncs, gives the final name without overwriting, syncs the folder. Throws the
   * reason of `signal` when it was aborted before the file had its name; later it is too late.
   */
  publish(signal?: AbortSignal): Promise<Published>;
  /** Removes the partial. Does nothing after `publish`, and must not be called during it. */
  abandon(): Promise<void>;
}

/** Everything a receipt says. */
export interface Published {
  readonly as: SafeName;
  readonly size: number;
  /** `<algorithm>:<hex>` over the whole file. */
  readonly digest: string;
}

/**
 * Begins to receive a file: reserves the room, then makes the partial and its journal. `token` is 32
 * hexadecimal digits of randomness and names the partial. Throws SharingError `no-room`,
 * `file-too-large` or `write-failed`.
 */
export async function openLanding(
  area: LandingArea,
  room: Room,
  expected: Expected,
  token: string,
): Promise<Landing> {
  await mustHaveRoom(area, expected.name);
  const reservation = await room.reserve(await area.folder.self(), expected.size);
  const partialName: PrivateName = `${token}.part`;
  const journalName: PrivateName = `${token}.journal`;
  const chunks = chunkCount(expected.size);
  let landed = 0;
  let open: { partial: FileHandle; journal: FileHandle } | undefined;

  async function close(): Promise<void> {
    const handles = open;
    open = undefined;
    reservation.release();
    await handles?.partial.close();
    await handles?.journal.close();
  }

  async function remove(): Promise<void> {
    await close();
    await unlink(await area.folder.at(partialName)).catch(ignoreMissing);
    await unlink(await area.folder.at(journalName)).catch(ignoreMissing);
  }

  function handles(): { partial: FileHandle; journal: FileHandle } {
    if (!open) throw new SharingError('internal', 'landing used after its end');
    return open;
  }

  try {
    open = await create(area, partialName, journalName, expected);
  } catch (error) {
    await remove();
    throw asSharingError(error, 'write-failed');
  }

  return {
    complete: () => landed === chunks,

    async write(chunk, bytes, digest) {
      const { partial, journal } = handles();
      if (!digestOf(expected.algorithm, bytes).equals(digest)) {
        throw new SharingError('damaged', `chunk ${chunk} does not have its digest`, { chunk });
      }
      try {
        await writeAll(partial, bytes, chunk * chunkSize);
        await writeSlot(journal, chunk, digest);
      } catch (error) {
        throw asSharingError(error, 'write-failed');
      }
      reservation.written(bytes.length);
      landed += 1;
    },

    async publish(signal) {
      const { partial, journal } = handles();
      try {
        const digest = await finish(partial, journal, expected, landed === chunks);
        signal?.throwIfAborted();
        const as = await giveName(area, partial, partialName, expected.name);
        await keepName(area, partial, as);
        // The file is there: what cannot be tidied up now is removed with the expired partials.
        await remove().catch(() => undefined);
        return { as, size: expected.size, digest };
      } catch (error) {
        throw asSharingError(error, 'write-failed');
      }
    },

    abandon: remove,
  };
}

async function create(
  area: LandingArea,
  partialName: PrivateName,
  journalName: PrivateName,
  expected: Expected,
): Promise<{ partial: FileHandle; journal: FileHandle }> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const journal = await open(await area.folder.at(journalName), flags, 0o600);
  try {
    await journal.write(encodeJournalHeader(expected));
    // The final file is read by whoever may read its folder: the mode follows the umask, never the peer.
    const partial = await open(await area.folder.at(partialName), flags, 0o666);
    return { partial, journal };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const done = await file.write(bytes, written, bytes.length - written, position + written);
    written += done.bytesWritten;
  }
}

/** Size, time and digest, then the data on the disk; an error here is final for the file. */
async function finish(
  partial: FileHandle,
  journal: FileHandle,
  { size, mtime, algorithm }: Expected,
  complete: boolean,
): Promise<string> {
  const { size: onDisk } = await partial.stat();
  if (!complete || onDisk !== size) {
    throw new SharingError('damaged', `${onDisk} of ${size} bytes landed`, { size, onDisk });
  }
  const digest = fileDigest(algorithm, size, await readSlots(journal, chunkCount(size)));
  await setModificationTime(partial, mtime);
  await partial.sync();
  return digestText(algorithm, digest);
}

/** Links the partial to the first free name; where there are no links, reserves the name and renames. */
async function giveName(
  area: LandingArea,
  file: FileHandle,
  partialName: PrivateName,
  wanted: SafeName,
): Promise<SafeName> {
  const partial = await area.folder.at(partialName);
  await mustBeSame(file, partial);
  for (let n = 1; n <= maxNumber; n += 1) {
    const name = numbered(wanted, n);
    const place = await area.target.at(name);
    try {
      await link(partial, place);
      await mustBeSame(file, place);
      return name;
    } catch (error) {
      if (error instanceof SharingError) {
        await unlink(place);
        throw error;
      }
      const code = errnoOf(error) ?? '';
      if (code === 'EEXIST') continue;
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    }
    if (await renameToReserved(partial, place)) return name;
  }
  throw new SharingError('write-failed', `${maxNumber} names are taken`);
}

/** Makes the name durable; one that cannot be is taken away again, for the sender will hear of a failure. */
async function keepName(area: LandingArea, file: FileHandle, name: SafeName): Promise<void> {
  try {
    await area.target.sync();
  } catch (error) {
    const place = await area.target.at(name);
    await mustBeSame(file, place);
    await unlink(place);
    throw error;
  }
}

/** A name is linked, not a handle: what lies under it has to be what was written and verified. */
async function mustBeSame(file: FileHandle, place: string): Promise<void> {
  const [ours, there] = [await file.stat({ bigint: true }), await lstat(place, { bigint: true })];
  if (ours.ino === there.ino && ours.dev === there.dev) return;
  throw new SharingError('write-failed', 'the partial was replaced');
}

/** A name that is taken must leave room for a number, or all the bytes would come for nothing. */
async function mustHaveRoom(area: LandingArea, name: SafeName): Promise<void> {
  const taken = await lstat(await area.target.at(name)).catch(() => undefined);
  if (taken) numbered(name, maxNumber);
}

async function renameToReserved(partial: string, place: string): Promise<boolean> {
  try {
    const reservation = await open(place, 'wx');
    await reservation.close();
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    await rename(partial, place);
  } catch (error) {
    await unlink(place);
    throw error;
  }
  return true;
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
