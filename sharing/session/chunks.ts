import { SharingError } from '#sharing/errors.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';

/** Which chunk is open on one connection: data frames carry no address of their own. */
export interface OpenChunk {
  /** A header opens a chunk. Throws SharingError `protocol` when one is open already. */
  begin(header: ChunkHeader): void;
  /** The chunk that `length` bytes of data belong to. Throws `protocol` when none is open, or they are too many. */
  data(length: number): ChunkHeader;
}

export function openChunk(): OpenChunk {
  let open: { header: ChunkHeader; left: number } | undefined;
  return {
    begin(header) {
      if (open) throw new SharingError('protocol', 'a chunk inside a chunk');
      open = { header, left: header.length };
    },
    data(length) {
      if (!open || length > open.left) throw new SharingError('protocol', 'data outside a chunk');
      const { header } = open;
      open.left -= length;
      if (open.left === 0) open = undefined;
      return header;
    },
  };
}
