import { SharingError, writeError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { chunkCount, digestOf, digestText } from '#sharing/storage/digest.js';
import type { Expected, Landing } from '#sharing/storage/landing.js';
import { notWhole } from '#sharing/storage/publishing.js';
import { entrySize, type Room } from '#sharing/storage/room.js';
import { writeLoose, type SmallFile } from '#sharing/storage/small-file.js';

/**
 * The landing of a file of one chunk, or of none: there is nothing to go on with later, so it has no journal. Throws as
 * `openLanding`.
 */
export async function openSmallLanding(
  area: LandingArea,
  room: Room,
  expected: Expected,
): Promise<Landing> {
  const { size, algorithm, name, policy, mtime } = expected;
  const needed = size + entrySize;
  const reservation = await room.reserve(area.folder, needed).catch((error: unknown) => {
    throw writeError(error);
  });
  /** The file as soon as its bytes are here. */
  let written: Promise<SmallFile> | undefined;
  let digest = digestOf(algorithm, Buffer.alloc(0));
  let here = size === 0;
  let over = false;
  let published = false;

  async function place(bytes: Buffer): Promise<SmallFile> {
    return writeLoose(area, await area.names.next(), { name, policy, mtime }, bytes);
  }

  /** Of an empty file nothing comes. */
  async function landed(): Promise<SmallFile> {
    if (!here) throw notWhole(size, 0);
    return (written ??= place(Buffer.alloc(0)));
  }

  async function leave(): Promise<void> {
    if (over) return;
    over = true;
    reservation.release();
    // It may be given up while it is written.
    const file = await written?.catch(() => undefined);
    if (!published) {
      reservation.undo();
      await file?.leave().catch(() => undefined);
    }
  }

  return {
    claims: new Uint8Array(chunkCount(size)),
    sameSource: false,
    verify: () => Promise.resolve(false),
    retag: () => Promise.resolve(),

    async write(chunk, bytes, claimed) {
      digest = digestOf(algorithm, bytes);
      if (!digest.equals(claimed)) {
        throw new SharingError('damaged', `chunk ${chunk} does not have its digest`, { chunk });
      }
      if (over) throw new SharingError('internal', 'landing used after its end');
      written = place(bytes);
      try {
        await written;
      } catch (error) {
        throw writeError(error);
      }
      here = true;
      reservation.written(bytes.length);
    },

    async publish(signal) {
      try {
        const file = await landed();
        await file.sync();
        signal?.throwIfAborted();
        const as = await file.publish();
        await area.target.sync().catch(async (error: unknown) => {
          // A name that cannot be made durable is taken away again: the sender will hear of a failure.
          await file.retract().catch(() => undefined);
          throw error;
        });
        published = true;
        reservation.written(entrySize);
        // The file is there: that its place cannot be tidied up now makes it no failure.
        await leave().catch(() => undefined);
        return { as, size, digest: digestText(algorithm, digest) };
      } catch (error) {
        throw writeError(error);
      }
    },

    leave,
  };
}
