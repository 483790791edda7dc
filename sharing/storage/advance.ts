import type { Soon } from '#sharing/soon.js';
import type { Ground, Reservation, Room } from '#sharing/storage/room.js';

/** Room that is set aside for many small files at a time. */
export interface Advance {
  /** Makes sure of room for `bytes`; `soon` tells how many more are expected. Throws SharingError `no-room`. */
  take(bytes: number, soon: () => number): Soon<void>;
  /** So many bytes lie on the disk now. */
  written(bytes: number): void;
  /** So many are not needed after all. */
  spare(bytes: number): void;
  /** Gives back what is left. */
  release(): void;
}

/** `place` is where the free space is measured. */
export function advance(room: Room, place: () => Promise<Ground>): Advance {
  const parts: { readonly reservation: Reservation; left: number }[] = [];
  /** Bytes that are set aside, and not taken yet. */
  let free = 0;

  async function reserve(bytes: number): Promise<void> {
    const reservation = await room.reserve(await place(), bytes);
    parts.push({ reservation, left: bytes });
    free += bytes;
  }

  async function takeMore(bytes: number, soon: () => number): Promise<void> {
    // Another may take what was set aside before this one comes to it.
    while (free < bytes) {
      // Not all that is expected may fit, though this file does.
      await reserve(bytes + soon()).catch(() => reserve(bytes));
    }
    free -= bytes;
  }

  function use(bytes: number, how: (reservation: Reservation, much: number) => void): void {
    let rest = bytes;
    for (let part = parts[0]; part && rest > 0; part = parts[0]) {
      const much = Math.min(part.left, rest);
      how(part.reservation, much);
      part.left -= much;
      rest -= much;
      if (part.left > 0) return;
      parts.shift();
    }
  }

  return {
    take(bytes, soon) {
      if (free < bytes) return takeMore(bytes, soon);
      free -= bytes;
      return undefined;
    },
    written(bytes) {
      use(bytes, (reservation, much) => {
        reservation.written(much);
      });
    },
    spare(bytes) {
      use(bytes, (reservation, much) => {
        reservation.spare(much);
      });
    },
    release() {
      for (const { reservation } of parts.splice(0)) reservation.release();
    },
  };
}
