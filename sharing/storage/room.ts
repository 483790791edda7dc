import { SharingError } from '#sharing/errors.js';
import { statfs } from 'node:fs/promises';

/** Keeps parallel receivers from promising the same free space twice. */
export interface Room {
  /** Throws SharingError `file-too-large` for a file of more bytes than are taken. */
  mustAllow(size: number): void;
  /** Sets `bytes` aside before the first one moves. Throws SharingError `no-room` with the numbers. */
  reserve(place: string, bytes: number): Promise<Reservation>;
}

export interface Reservation {
  /** `bytes` of it lie on the disk now, so the file system counts them itself. */
  written(bytes: number): void;
  /** Gives back what is left; may be called twice. */
  release(): void;
}

export interface RoomLimits {
  /** Bytes that must stay free. */
  readonly keepFree: number;
  /** Largest file in bytes. */
  readonly maxFileSize: number;
}

/** A room for one receiving folder; `reserve` is told where to measure. */
export function openRoom({ keepFree, maxFileSize }: RoomLimits): Room {
  let outstanding = 0;

  return {
    mustAllow(size) {
      if (size <= maxFileSize) return;
      const facts = { size, limit: maxFileSize };
      throw new SharingError('file-too-large', `${size} bytes, ${maxFileSize} allowed`, facts);
    },
    async reserve(place, bytes) {
      // Set aside first, so that two callers that wait for statfs together cannot both be right.
      outstanding += bytes;
      let left = bytes;
      const give = (amount: number): void => {
        const given = Math.min(amount, left);
        left -= given;
        outstanding -= given;
      };
      const free = await freeBytes(place).catch((error: unknown) => {
        give(left);
        throw error;
      });
      if (bytes > 0 && outstanding + keepFree > free) {
        const others = outstanding - bytes;
        give(left);
        throw noRoom(bytes, Math.max(0, free - keepFree - others));
      }
      return {
        written: give,
        release: () => {
          give(left);
        },
      };
    },
  };
}

async function freeBytes(place: string): Promise<number> {
  const { bavail, bsize, blocks } = await statfs(place);
  // Some network file systems report no blocks at all: unknown is not full.
  return blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize;
}

function noRoom(size: number, free: number): SharingError {
  return new SharingError('no-room', `${size} bytes wanted, ${free} free`, { size, free });
}
