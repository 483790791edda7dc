import { SharingError } from '#sharing/errors.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import type { Folder } from '#sharing/storage/folder.js';

/** Bytes that a name takes on a disk, whatever is in it: a file or a folder of no bytes is not for nothing. */
export const entrySize = 4096;

/** A folder, of which only the disk matters. */
export type Ground = Pick<Folder, 'self' | 'device'>;

/** Keeps parallel receivers from promising the same free space twice. */
export interface Room {
  /** Throws SharingError `file-too-large` for a file of more bytes than are taken. */
  mustAllow(size: number): void;
  /**
   * Sets `bytes` aside before the first one moves; `place` is where the free space is measured. Rejects with SharingError
   * `no-room` or `over-quota`, with the numbers.
   */
  reserve(place: Ground, bytes: number): Promise<Reservation>;
}

export interface Reservation {
  /** `bytes` of it lie on the disk now, so the file system counts them itself. */
  written(bytes: number): void;
  /** `bytes` of it are not needed after all. */
  spare(bytes: number): void;
  /** What was written was taken away again. */
  undo(): void;
  /** Gives back what is left; may be called twice. */
  release(): void;
}

export interface RoomLimits {
  /** Bytes that must stay free. */
  readonly keepFree: number;
  /** Largest file in bytes. */
  readonly maxFileSize: number;
}

export interface SharedRoomLimits extends RoomLimits {
  /** Bytes that one peer may bring while the server runs; what it left in the middle counts. */
  readonly quota: number;
}

/** One folder that many bring files into. */
export interface SharedRoom {
  /** For whom nothing is limited but the disk. */
  readonly forOwner: Room;
  /** For one peer, by its id. */
  forPeer(id: string): Room;
  /** For all whom only an open door let in: together they have one quota, and half of what is free. */
  readonly forStrangers: Room;
}

/** A room that nobody else brings files into. */
export function openRoom(limits: RoomLimits): Room {
  return openSharedRoom({ ...limits, quota: Infinity }).forOwner;
}

export function openSharedRoom({ keepFree, maxFileSize, quota }: SharedRoomLimits): SharedRoom {
  /** Bytes that are set aside by all. */
  let aside = 0;
  const strangers = openAccount();
  const peers = new Map<string, Account>();

  function mustAllow(size: number): void {
    if (size <= maxFileSize) return;
    const facts = { size, limit: maxFileSize };
    throw new SharingError('file-too-large', `${size} bytes, ${maxFileSize} allowed`, facts);
  }

  function mustBeWithin(account: Account, bytes: number): void {
    const left = Math.max(0, quota - account.brought - (account.aside - bytes));
    if (bytes <= left) return;
    const facts = { size: bytes, free: left, limit: quota };
    throw new SharingError('over-quota', `${bytes} bytes wanted, ${left} of ${quota} left`, facts);
  }

  function mustFit(there: number, bytes: number, account: Account): void {
    const most = there - keepFree;
    const forAll = most - aside;
    const half = Math.floor(most / 2) - account.aside;
    const free = account === strangers ? Math.min(forAll, half) : forAll;
    if (bytes > 0 && free < 0) throw noRoom(bytes, Math.max(0, free + bytes), keepFree);
  }

  async function reserve(
    place: Ground,
    bytes: number,
    account: Account,
    limited: boolean,
  ): Promise<Reservation> {
    let left = 0;
    let written = 0;
    const take = (amount: number): void => {
      left += amount;
      aside += amount;
      account.aside += amount;
    };
    const give = (amount: number): number => {
      const given = Math.min(amount, left);
      take(-given);
      return given;
    };
    // Set aside first, so that two callers that wait for statfs together cannot both be right; nor are both wrong, for the
    // first gives it back before the second looks.
    take(bytes);
    try {
      if (limited) mustBeWithin(account, bytes);
      mustFit(await freeBytes(place), bytes, account);
    } catch (error) {
      give(left);
      throw error;
    }
    return {
      written(amount) {
        const given = give(amount);
        written += given;
        account.brought += given;
      },
      spare(amount) {
        give(amount);
      },
      undo() {
        account.brought -= written;
        written = 0;
      },
      release() {
        give(left);
      },
    };
  }

  function roomOf(account: Account, limited: boolean): Room {
    return { mustAllow, reserve: (place, bytes) => reserve(place, bytes, account, limited) };
  }

  return {
    forOwner: roomOf(openAccount(), false),
    forStrangers: roomOf(strangers, true),
    forPeer(id) {
      const account = peers.get(id) ?? openAccount();
      peers.set(id, account);
      return roomOf(account, true);
    },
  };
}

/** What one peer, or all strangers, have set aside and brought, in bytes. */
interface Account {
  aside: number;
  brought: number;
}

function openAccount(): Account {
  return { aside: 0, brought: 0 };
}

/** Bytes that the file system of `place` has left; unknown is more than any. */
export async function freeBytes(place: Ground): Promise<number> {
  const { bavail, bsize, blocks } = await callsTo(place.device).statfs(await place.self());
  // Some network file systems report no blocks at all: unknown is not full.
  return blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize;
}

function noRoom(size: number, free: number, keepFree: number): SharingError {
  const facts = { size, free, limit: keepFree };
  return new SharingError('no-room', `${size} bytes wanted, ${free} free`, facts);
}
