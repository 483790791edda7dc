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
   * Tells what was handed on already. Throws SharingError `changed` when that was of a file that cannot be this one.
   */
  begin(file: OutletFile): Promise<HandedOn>;
  /** Hands on the next chunk, which was verified. Rejects when nobody takes it any more. */
  write(bytes: Buffer, digest: Buffer): Promise<void>;
  /** `<algorithm>:<hex>` of all that was handed on. */
  digest(): string;
}

/** `write` resolves once the reader has taken the bytes, and they may be used again. */
export function openOutlet(write: (bytes: Buffer) => Promise<void>): Outlet {
  const digests: Buffer[] = [];
  let file: OutletFile | undefined;
  let last: Promise<void> = Promise.resolve();

  async function handOn(bytes: Buffer, digest: Buffer): Promise<void> {
    await write(bytes);
    digests.push(Buffer.from(digest));
  }

  return {
    async begin(offered) {
      // A connection may have broken while the reader had the last chunk before it.
      await last.catch(() => undefined);
      const before = digests.length > 0 ? file : undefined;
      if (before && (before.size !== offered.size || before.algorithm !== offered.algorithm)) {
        throw new SharingError('changed', 'the file changed while it was handed on');
      }
      file = offered;
      const sameSource = before === undefined || before.tag === offered.tag;
      return { chunks: digests.length, sameSource, digests: Buffer.concat(digests) };
    },
    write(bytes, digest) {
      last = handOn(bytes, digest);
      return last;
    },
    digest() {
      if (!file) throw new SharingError('internal', 'nothing was handed on');
      const { algorithm, size } = file;
      return digestText(algorithm, fileDigest(algorithm, size, Buffer.concat(digests)));
    },
  };
}
