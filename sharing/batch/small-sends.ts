import type { Packing } from '#sharing/batch/packing.js';
import type { BatchSendRules } from '#sharing/session/batch-sending.js';
import { after, type Soon } from '#sharing/soon.js';
import { digestOf, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { paceOf } from '#sharing/storage/disk-pace.js';
import { stateName } from '#sharing/storage/file-state.js';
import { readFound } from '#sharing/storage/found.js';
import type { SharedReads } from '#sharing/storage/shared-reads.js';
import type { FoundFile } from '#sharing/storage/walk.js';
import type { Speech } from '#sharing/transport/connection.js';

/** The files of a batch that go out in packs, or of which only the digest does. */
export interface SmallSends {
  /** At once, where neither the receiver nor a disk has to be waited for. Throws when it cannot be read. */
  send(file: number, found: FoundFile, what: 'bytes' | 'digest'): Soon<void>;
  /** Of a file that was sent or compared, and is not over. */
  digest(file: number): Buffer | undefined;
  /** It is over. */
  forget(file: number): void;
}

export interface SmallSendOptions {
  readonly id: number;
  readonly algorithm: DigestAlgorithm;
  readonly reads: SharedReads | undefined;
  readonly rules: Pick<BatchSendRules, 'maySend' | 'sent'>;
  readonly pack: Packing;
  /** Waits for a word of the receiver. Throws when the batch is over. */
  readonly waitForNews: () => Promise<void>;
  /** Counts a wait for a disk of our own. */
  readonly ours: <T>(work: () => Promise<T>) => Promise<T>;
}

export function smallSends(connection: Speech, options: SmallSendOptions): SmallSends {
  const { id, algorithm, reads, rules, pack, waitForNews, ours } = options;
  const digests = new Map<number, Buffer>();

  async function untilMaySend(size: number): Promise<void> {
    while (!rules.maySend(size)) {
      await pack.flush();
      if (!rules.maySend(size)) await waitForNews();
    }
  }

  /** Gives its digest. */
  function read(found: FoundFile, place: Buffer): Soon<Buffer> {
    const target = place.subarray(0, found.size);
    const readInto = (): Soon<void> => readFound(found, place, paceOf);
    if (reads) {
      return ours(() => reads.take(stateName(found.state), algorithm, target, readInto));
    }
    const done = readInto();
    const digest = (): Buffer => digestOf(algorithm, target);
    return done instanceof Promise ? ours(() => done).then(digest) : digest();
  }

  async function sendDigest(file: number, digest: Buffer): Promise<void> {
    await connection.sendDigests({ id, file, first: 0, digests: digest });
    rules.sent(file);
  }

  function sendBytes(file: number, length: number, digest: Buffer): void {
    // Nothing travels of an empty file: that it was wanted is all.
    if (length > 0) pack.add({ id, file, chunk: 0, length, digest });
    rules.sent(file);
  }

  return {
    send(file, found, what) {
      const { size } = found;
      const isFree = what === 'digest' || rules.maySend(size);
      return after(isFree ? undefined : untilMaySend(size), () =>
        after(pack.reserve(size), (place) =>
          after(read(found, place), (digest) => {
            digests.set(file, digest);
            if (what === 'digest') return sendDigest(file, digest);
            sendBytes(file, size, digest);
            return undefined;
          }),
        ),
      );
    },
    digest: (file) => digests.get(file),
    forget(file) {
      digests.delete(file);
    },
  };
}
