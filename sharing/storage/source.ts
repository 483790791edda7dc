import type { Soon } from '#sharing/soon.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { paceOf, type DiskPace } from '#sharing/storage/disk-pace.js';
import {
  isUnchanged,
  modificationTime,
  stateName,
  type FileState,
} from '#sharing/storage/file-state.js';
import { fileFlags } from '#sharing/storage/folder.js';
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

/** Nanoseconds in which two changes may look like one. */
const freshTime = 2_000_000_000n;

/** A regular file that is open for sending. */
export interface Source extends AsyncDisposable {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Tells this state of this file from all others of this machine; it is nobody else's business. */
  readonly state: string;
  /** Modification time in microseconds since 1970. */
  readonly mtime: number;
  /** Names this state of this file without telling anything about it (PROTOCOL.md, "Source tags"). */
  readonly tag: string;
  /**
   * Fills `target` from byte `position` on and checks that the file is still the one that was offered.
   * Throws SharingError `changed` when it is not, `read-failed` when the system cannot read it.
   */
  read(target: Buffer, position: number): Promise<void>;
  /** The same, and gives the digest, where it need not be made anew. */
  readonly readHashed?: (
    algorithm: DigestAlgorithm,
    target: Buffer,
    position: number,
  ) => Promise<Buffer>;
  /** Throws SharingError `changed` when the file is not, or no longer, what was offered. */
  check(): Promise<void>;
}

/** Wraps an open regular file; `tagKey` is this device's own secret. The handle is closed on dispose. */
export function sourceOf(handle: FileHandle, stats: BigIntStats, tagKey: Buffer): Source {
  const size = Number(stats.size);
  const pace = paceOf(stats.dev);
  const calls = callsTo(stats.dev);

  async function check(): Promise<void> {
    try {
      if (!isUnchanged(stats, await calls.fstat(handle.fd))) throw changed();
    } catch (error) {
      throw error instanceof SharingError ? error : readFailed(error);
    }
  }

  function readNow(target: Buffer, position: number): void {
    try {
      fillNow(handle.fd, target, position);
      if (!isUnchanged(stats, fstatSync(handle.fd, { bigint: true }))) throw changed();
    } catch (error) {
      throw error instanceof SharingError ? error : readFailed(error);
    }
  }

  async function readLater(target: Buffer, position: number): Promise<void> {
    await fill(handle, target, position);
    // Not by `check`: one call of a slow disk must not wait for another.
    const now = await handle.stat({ bigint: true }).catch((error: unknown) => {
      throw readFailed(error);
    });
    if (!isUnchanged(stats, now)) throw changed();
  }

  /** Files of /proc and the like say 0 bytes and hold more; a file may have grown in this very moment. */
  async function mustEnd(): Promise<void> {
    try {
      const more = Buffer.alloc(1);
      const bytesRead = await pace.run(
        () => readSync(handle.fd, more, 0, 1, size),
        async () => (await handle.read(more, 0, 1, size)).bytesRead,
      );
      if (bytesRead === 0) return;
    } catch (error) {
      throw readFailed(error);
    }
    throw new SharingError('changed', 'the file holds more than its size says');
  }

  return {
    size,
    state: stateName(stats),
    mtime: modificationTime(stats),
    tag: sourceTag(stats, tagKey),
    async check() {
      await mustEnd();
      await check();
    },
    read: async (target, position) =>
      pace.run(
        () => {
          readNow(target, position);
        },
        () => readLater(target, position),
      ),
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Names the state of a file for its receivers; 32 hexadecimal digits (PROTOCOL.md, "Source tags"). */
export function sourceTag(stats: FileState, tagKey: Buffer): string {
  if (isFresh(stats)) return randomBytes(16).toString('hex');
  return createHmac('sha256', tagKey).update(stateName(stats)).digest('hex').slice(0, 32);
}

/**
 * A file that was changed just now may be changed again within the same tick of its clock: nobody could tell, so
 * its state gets a name that will not come again.
 */
function isFresh({ mtimeNs }: FileState): boolean {
  return BigInt(Date.now()) * 1_000_000n - mtimeNs < freshTime;
}

/**
 * Reads a file of `stats.size` bytes whole, and makes sure that it is still in the state of `stats`; `target` has room
 * for one byte more. Throws SharingError `changed` or `read-failed`, or the system's error when it cannot be opened.
 */
export function readWhole(
  place: string,
  stats: FileState,
  target: Buffer,
  pace: DiskPace,
): Soon<void> {
  const size = Number(stats.size);
  return pace.run(
    () => {
      readWholeSync(place, stats, target.subarray(0, size + 1));
    },
    async () => {
      const handle = await open(place, fileFlags);
      try {
        await fill(handle, target.subarray(0, size), 0);
        const { bytesRead } = await handle.read(target, size, 1, size);
        if (bytesRead > 0 || !isUnchanged(stats, await handle.stat({ bigint: true }))) {
          throw changed();
        }
      } catch (error) {
        throw error instanceof SharingError ? error : readFailed(error);
      } finally {
        await handle.close();
      }
    },
  );
}

function readWholeSync(place: string, stats: FileState, target: Buffer): void {
  const file = openSync(place, fileFlags);
  try {
    let filled = 0;
    // A byte too many is asked for, to see that there is none.
    do {
      const bytes = readSync(file, target, filled, target.length - filled, filled);
      if (bytes === 0) break;
      filled += bytes;
    } while (filled < target.length - 1);
    if (filled !== target.length - 1 || !isUnchanged(stats, fstatSync(file, { bigint: true }))) {
      throw changed();
    }
  } catch (error) {
    throw error instanceof SharingError ? error : readFailed(error);
  } finally {
    closeSync(file);
  }
}

function fillNow(file: number, target: Buffer, position: number): void {
  let filled = 0;
  while (filled < target.length) {
    const bytes = readSync(file, target, filled, target.length - filled, position + filled);
    if (bytes === 0) throw changed();
    filled += bytes;
  }
}

async function fill(handle: FileHandle, target: Buffer, position: number): Promise<void> {
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await handle
      .read(target, filled, target.length - filled, position + filled)
      .catch((error: unknown) => {
        throw readFailed(error);
      });
    if (bytesRead === 0) throw changed();
    filled += bytesRead;
  }
}

function changed(): SharingError {
  return new SharingError('changed', 'the file changed while it was read');
}

function readFailed(error: unknown): SharingError {
  const known = asSharingError(error, 'read-failed');
  return new SharingError('read-failed', known.message, {}, error);
}
