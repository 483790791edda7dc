import { SharingError } from '#sharing/errors.js';
import { statfs } from 'node:fs/promises';

/** Keeps parallel receivers from promising the same free space twice. */
export interface Room {
  /** Throws SharingError `file-too-large` for a file of more bytes than are taken. */
  mustAllow(size: number): void;
  /** Sets `bytes` aside before the first one moves. Throws SharingError `no-room` with the numbers. */
  reserve(place: string, bytes: number): Promise<Reservation>;
  /** The same room for all whom only an open door let in: together they may set aside half of what is free. */
  readonly forStrangers: Room;
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
  /** Bytes that are set aside: by all, and by strangers. */
  const aside = { all: 0, strangers: 0 };

  function mustAllow(size: number): void {
    if (size <= maxFileSize) return;
    const facts = { size, limit: maxFileSize };
    throw new SharingError('file-too-large', `${size} bytes, ${maxFileSize} allowed`, facts);
  }

  async function reserve(place: string, bytes: number, isStranger: boolean): Promise<Reservation> {
    let left = 0;
    const take = (amount: number): void => {
      left += amount;
      aside.all += amount;
      if (isStranger) aside.strangers += amount;
    };
    const give = (amount: number): void => {
      take(-Math.min(amount, left));
    };
    // Set aside first, so that two callers that wait for statfs together cannot both be right.
    take(bytes);
    try {
      const most = (await freeBytes(place)) - keepFree;
      const free = isStranger
        ? Math.min(most - aside.all, Math.floor(most / 2) - aside.strangers)
        : most - aside.all;
      if (bytes > 0 && free < 0) throw noRoom(bytes, Math.max(0, free + bytes));
    } catch (error) {
      give(left);
      throw error;
    }
    return {
      written: give,
      release: () => {
        give(left);
      },
    };
  }

  const forStrangers: Room = {
    mustAllow,
    reserve: (place, bytes) => reserve(place, bytes, true),
    get forStrangers() {
      return forStrangers;
    },
  };
  return { mustAllow, reserve: (place, bytes) => reserve(place, bytes, false), forStrangers };
}

async function freeBytes(place: string): Promise<number> {
  const { bavail, bsize, blocks } = await statfs(place);
  // Some network file systems report no blocks at all: unknown is not full.
  return blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize;
}

function noRoom(size: number, free: number): SharingError {
  return new SharingError('no-room', `${size} bytes wanted, ${free} free`, { size, free });
}
