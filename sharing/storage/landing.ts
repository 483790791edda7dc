import { SharingError, writeError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import {
  chunkCount,
  chunkLength,
  digestOf,
  digestText,
  fileDigest,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { setModificationTime } from '#sharing/storage/file-state.js';
import { maxNumber, numbered } from '#sharing/storage/naming.js';
import { openSmallLanding } from '#sharing/storage/small-landing.js';
import { openPartial, type Partial } from '#sharing/storage/partial.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Policy } from '#sharing/wire/message.js';
import { giveName, keepName, notWhole, replaces } from '#sharing/storage/publishing.js';
import type { Reservation, Room } from '#sharing/storage/room.js';
import type { FileHandle } from 'node:fs/promises';

/** What is to land. */
export interface Expected {
  /** Final name, with the prefix; numbered when it is taken. */
  readonly name: SafeName;
  /** Where it comes to lie, with its name, if that is below the receiving folder: a file in a folder that travels. */
  readonly place?: string;
  readonly size: number;
  /** Microseconds since 1970. */
  readonly mtime: number;
  readonly algorithm: DigestAlgorithm;
  /** What becomes of it when its name is taken. */
  readonly policy: Policy;
  /** The sender's id and its tag for the source, for the journal. */
  readonly peer: string;
  readonly tag: string;
}

/** A file that arrives. Until `publish` nothing of it is visible under a final name. */
export interface Landing {
  /** For each chunk 1 when it may lie here from an earlier time; `verify` tells. */
  readonly claims: Uint8Array;
  /** The claims are of the very state of the source that is offered: only what is missing need travel. */
  readonly sameSource: boolean;
  /**
   * Reads a claimed chunk again; it counts as landed if it is good, and has `digest` where the sender has
   * given one.
   */
  verify(chunk: number, digest?: Buffer): Promise<boolean>;
  /**
   * From now on what lies here is of the offered state of the source; only chunks marked with 1, all of them good, are kept.
   */
  retag(kept: Uint8Array): Promise<void>;
  /**
   * Checks the chunk against its digest, then writes and journals it; each chunk once. Throws
   * SharingError `damaged`, `no-room` or `write-failed`.
   */
  write(chunk: number, bytes: Buffer, digest: Buffer): Promise<void>;
  /** For a thread that checks and writes chunks itself; a file of one chunk has none. */
  readonly beside?: {
    /** One more descriptor; nobody may write through it after `publish` or `leave` was called. */
    open(): Promise<FileHandle>;
    /** Such a chunk has landed. Throws as `write`. */
    landed(chunk: number, digest: Buffer): Promise<void>;
  };
  /**
   * Verifies size and completeness, syncs, gives the final name without overwriting, syncs the folder. Throws the
   * reason of `signal` when it was aborted before the file had its name; later it is too late.
   */
  publish(signal?: AbortSignal): Promise<Published>;
  /**
   * Lets go of it. What has landed of a file of several chunks is kept for another time if `keep`. Does nothing
   * after `publish`, and must not be called during it.
   */
  leave(keep: boolean): Promise<void>;
}

/** Everything a receipt says. */
export interface Published {
  readonly as: SafeName;
  readonly size: number;
  /** `<algorithm>:<hex>` over the whole file. */
  readonly digest: string;
}

/**
 * Begins to receive a file, or goes on with what is left of it from an earlier time; room is reserved for what is
 * missing. Throws SharingError `no-room`, `over-quota`, `file-too-large`, `name-too-long` or `write-failed`.
 */
export async function openLanding(
  area: LandingArea,
  room: Room,
  expected: Expected,
): Promise<Landing> {
  room.mustAllow(expected.size);
  if (!replaces(expected.policy)) await mustHaveRoom(area, expected.name);
  const chunks = chunkCount(expected.size);
  if (chunks <= 1) return openSmallLanding(area, room, expected);
  let landed = 0;
  let published = false;
  let open: Partial | undefined;
  let reservation: Reservation | undefined;
  const reserve = async (bytes: number): Promise<void> => {
    reservation = await room.reserve(area.folder, bytes);
  };
  try {
    const header = {
      ...expected,
      name: expected.place ?? expected.name,
      ...(area.ofStrangers && { stranger: true as const }),
    };
    open = await openPartial(area, header, reserve);
  } catch (error) {
    reservation?.release();
    throw writeError(error);
  }
  const { claims, sameSource } = open;

  async function leave(keep: boolean): Promise<void> {
    const partial = open;
    open = undefined;
    reservation?.release();
    const kept = await partial?.close(keep && (landed > 0 || claims.includes(1)));
    if (kept === false && !published) reservation?.undo();
  }

  function partial(): Partial {
    if (!open) throw new SharingError('internal', 'landing used after its end');
    return open;
  }

  return {
    claims,
    sameSource,

    async verify(chunk, digest) {
      const good = await partial().verify(chunk, digest);
      if (good) landed += 1;
      return good;
    },
    async retag(kept) {
      await partial().retag(kept);
      // What is not kept, though it was good, comes again.
      landed = kept.filter((one) => one === 1).length;
    },

    async write(chunk, bytes, digest) {
      const to = partial();
      if (!digestOf(expected.algorithm, bytes).equals(digest)) {
        throw new SharingError('damaged', `chunk ${chunk} does not have its digest`, { chunk });
      }
      try {
        await to.write(chunk, bytes, digest);
      } catch (error) {
        throw writeError(error);
      }
      reservation?.written(bytes.length);
      landed += 1;
    },

    beside: {
      open: () => partial().openAgain(),
      async landed(chunk, digest) {
        try {
          await partial().note(chunk, digest);
        } catch (error) {
          throw writeError(error);
        }
        reservation?.written(chunkLength(expected.size, chunk));
        landed += 1;
      },
    },

    async publish(signal) {
      const from = partial();
      try {
        const digest = await finish(from, expected, landed === chunks);
        signal?.throwIfAborted();
        const is = await callsTo(area.folder.device).fstat(from.file.fd);
        const { size } = expected;
        const unpublished = { is, size, name: from.name, isOurs: () => from.isOurs() };
        const as = await giveName(area, unpublished, expected);
        await keepName(area.target, from.file.fd, as, expected.policy);
        published = true;
        // The file is there: that its partial cannot be tidied up now makes it no failure.
        await leave(false).catch(() => undefined);
        return { as, size: expected.size, digest };
      } catch (error) {
        throw writeError(error);
      }
    },

    leave,
  };
}

/** Size, time and digest, then the data on the disk; an error here is final for the file. */
async function finish(
  partial: Partial,
  { size, mtime, algorithm }: Expected,
  complete: boolean,
): Promise<string> {
  const { size: onDisk } = await partial.file.stat();
  if (!complete || onDisk !== size) throw notWhole(size, onDisk);
  const digest = fileDigest(algorithm, size, await partial.digests());
  await setModificationTime(partial.file, mtime);
  await partial.sync();
  return digestText(algorithm, digest);
}

/** A name that is taken must leave room for a number, or all the bytes would come for nothing. */
async function mustHaveRoom({ target }: LandingArea, name: SafeName): Promise<void> {
  const there = await callsTo(target.device).find(await target.at(name));
  if (there) numbered(name, maxNumber);
}
