import { asSharingError, SharingError } from '#sharing/errors.js';
import { fileState, isUnchanged, modificationTime } from '#sharing/storage/file-state.js';
import { createHmac, randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Nanoseconds in which two changes may look like one. */
const freshTime = 2_000_000_000n;

/** A regular file that is open for sending. */
export interface Source extends AsyncDisposable {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Modification time in microseconds since 1970. */
  readonly mtime: number;
  /** Names this state of this file without telling anything about it (PROTOCOL.md, "Source tags"). */
  readonly tag: string;
  /**
   * Fills `target` from byte `position` on and checks that the file is still the one that was offered.
   * Throws SharingError `changed` when it is not, `read-failed` when the system cannot read it.
   */
  read(target: Buffer, position: number): Promise<void>;
  /** Throws SharingError `changed` when the file is not, or no longer, what was offered. */
  check(): Promise<void>;
}

/** Wraps an open regular file; `tagKey` is this device's own secret. The handle is closed on dispose. */
export function sourceOf(handle: FileHandle, stats: BigIntStats, tagKey: Buffer): Source {
  const size = Number(stats.size);

  async function check(): Promise<void> {
    const now = await handle.stat({ bigint: true }).catch((error: unknown) => {
      throw readFailed(error);
    });
    if (!isUnchanged(stats, now)) throw changed();
  }

  /** Files of /proc and the like say 0 bytes and hold more; a file may have grown in this very moment. */
  async function mustEnd(): Promise<void> {
    const { bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, size).catch((error: unknown) => {
      throw readFailed(error);
    });
    if (bytesRead > 0) throw new SharingError('changed', 'the file holds more than its size says');
  }

  return {
    size,
    mtime: modificationTime(stats),
    tag: isFresh(stats)
      ? randomBytes(16).toString('hex')
      : createHmac('sha256', tagKey).update(fileState(stats)).digest('hex').slice(0, 32),
    async check() {
      await mustEnd();
      await check();
    },
    async read(target, position) {
      await fill(handle, target, position);
      await check();
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * A file that was changed just now may be changed again within the same tick of its clock: nobody could tell, so
 * its state gets a name that will not come again.
 */
function isFresh({ mtimeNs }: BigIntStats): boolean {
  return BigInt(Date.now()) * 1_000_000n - mtimeNs < freshTime;
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
