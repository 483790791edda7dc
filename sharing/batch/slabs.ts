/** Bytes of memory that small files lie in side by side. */
const slabLength = 256 * 1024;

interface Slab {
  readonly memory: Buffer;
  used: number;
  pieces: number;
}

/** Memory for one file, until it is given back. */
export interface Piece {
  readonly bytes: Buffer;
  readonly slab: Slab;
}

/** Memory for many small files that come and go: asked of the system seldom, and used again. */
export interface Slabs {
  take(length: number): Piece;
  /** Nobody uses it any more. */
  give(piece: Piece): void;
}

export function slabs(): Slabs {
  const free: Slab[] = [];
  let current = slabOf(0);

  return {
    take(length) {
      if (current.used + length > current.memory.length) {
        current =
          (length <= slabLength ? free.pop() : undefined) ?? slabOf(Math.max(length, slabLength));
      }
      const slab = current;
      const bytes = slab.memory.subarray(slab.used, slab.used + length);
      slab.used += length;
      slab.pieces += 1;
      return { bytes, slab };
    },
    give({ slab }) {
      slab.pieces -= 1;
      if (slab.pieces > 0) return;
      slab.used = 0;
      // One that was made for a longer file would be kept for nothing.
      if (slab !== current && slab.memory.length === slabLength) free.push(slab);
    },
  };
}

function slabOf(length: number): Slab {
  return { memory: Buffer.allocUnsafeSlow(length), used: 0, pieces: 0 };
}
