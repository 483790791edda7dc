import { SharingError } from '#sharing/errors.js';
import { digestText, fileDigest, type DigestAlgorithm } from '#sharing/storage/digest.js';

/** What tells a file on its way from another, or from itself at another time. */
export interface OutletFile {
  readonly size: number;
  readonly tag: string;
  readonly algorithm: DigestAlgorithm;
}

/** The beginning of a file that its reader has. */
export interface HandedOn {
  readonly chunks: number;
  /** It came from the same state of the same source: else only the digests can tell. */
  readonly sameSource: boolean;
  readonly digests: Buffer;
}

/**
 * Where the chunks of one file are handed on in their order, to a reader that takes them as slowly as it likes. It outlasts
 * the connection: what was handed on cannot be taken back, and never comes again.
 */
export interface Outlet {
  /**
   * Tells what was handed on already, though the reader may not have taken the last of it yet. Throws SharingError
   * `changed` when that was of a file that cannot be this one.
   */
  begin(file: OutletFile): HandedOn;
  /** Resolves when the reader has taken all that was handed on. Rejects as `write`. */
  taken(): Promise<void>;
  /** Hands on the next chunk, which was verified, after the one before was taken. Rejects when nobody takes it any more. */
  write(bytes: Buffer, digest: Buffer): Promise<void>;
  /** `<algorithm>:<hex>` of all that was handed on. */
  digest(): string;
}

/** `write` resolves once the reader has taken the bytes, and they may be used again. */
export function openOutlet(write: (bytes: Buffer) => Promise<void>): Outlet {
  const digests: Buffer[] = [];
  /** What the chunks that were handed on are of, and what those to come are of. */
  let file: OutletFile | undefined;
  let next: OutletFile | undefined;
  let last: Promise<void> = Promise.resolve();

  return {
    begin(offered) {
      const before = digests.length > 0 ? file : undefined;
      if (before && (before.size !== offered.size || before.algorithm !== offered.algorithm)) {
        throw new SharingError('changed', 'the file changed while it was handed on');
      }
      const sameSource = before === undefined || before.tag === offered.tag;
      next = offered;
      // Of another state it is only once it was compared, and then chunks follow.
      if (sameSource) file = offered;
      return { chunks: digests.length, sameSource, digests: Buffer.concat(digests) };
    },
    write(bytes, digest) {
      file = next;
      digests.push(Buffer.from(digest));
      last = write(bytes);
      return last;
    },
    taken: () => last,
    digest() {
      if (!file) throw new SharingError('internal', 'nothing was handed on');
      const { algorithm, size } = file;
      return digestText(algorithm, fileDigest(algorithm, size, Buffer.concat(digests)));
    },
  };
}
