import { errnoOf, SharingError } from '#sharing/errors.js';
import { openOwn, type LandingArea } from '#sharing/storage/area.js';
import {
  chunkCount,
  chunkLength,
  digestOf,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { isSameFile } from '#sharing/storage/file-state.js';
import type { PrivateName } from '#sharing/storage/folder.js';
import {
  encodeJournalHeader,
  readJournalHeader,
  readSlots,
  slotAt,
  type JournalHeader,
} from '#sharing/storage/journal.js';
import { backgroundSync } from '#sharing/storage/background-sync.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import { thinOut } from '#sharing/storage/partials.js';
import { holdToken, type HeldToken } from '#sharing/storage/token.js';
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';

/** A file on its way in, and its journal; held by one receiver alone. */
export interface Partial {
  readonly file: FileHandle;
  /** Where it lies. */
  readonly name: PrivateName;
  /** For each chunk 1 when the journal says that it is here: a hint, until `verify` says so too. */
  readonly claims: Uint8Array;
  /** The journal is of the very state of the source that is offered now: its digests are the sender's. */
  readonly sameSource: boolean;
  /** One more descriptor of the file, for a thread that writes chunks itself. */
  openAgain(): Promise<FileHandle>;
  /** Notes the digest of a chunk that was written through it. */
  note(chunk: number, digest: Buffer): Promise<void>;
  /** Writes a chunk, then notes its digest. */
  write(chunk: number, bytes: Buffer, digest: Buffer): Promise<void>;
  /** Reads a claimed chunk again: true if it has the digest of its slot, and, if one is given, that one. */
  verify(chunk: number, digest?: Buffer): Promise<boolean>;
  /**
   * From now on the journal is of the state of the source that is offered; what it says of chunks that are not marked
   * with 1 is forgotten.
   */
  retag(kept: Uint8Array): Promise<void>;
  /** All digests, in order. */
  digests(): Promise<Buffer>;
  /** False when another receiver took it, who could not know that we live. */
  isOurs(): Promise<boolean>;
  /** Brings everything to the disk. An error, also of an earlier sync in the background, is final. */
  sync(): Promise<void>;
  /** Lets go of it, and removes it unless it is kept for another time; false when it is not, whatever was wished. */
  close(keep: boolean): Promise<boolean>;
}

/** Sets aside the bytes that are still needed; throws when they cannot be had. */
export type Reserve = (bytes: number) => Promise<void>;

/**
 * Opens the partial of what a peer sends under a name, or makes it, once `reserve` has found room for what is missing.
 * One that another receiver holds at this moment is left to it, and a new one made. Throws the system's errors.
 */
export async function openPartial(
  area: LandingArea,
  header: JournalHeader,
  reserve: Reserve,
): Promise<Partial> {
  const held = await holdToken(area, header.peer, header.name);
  try {
    return await openUnder(area, header, held, reserve);
  } catch (error) {
    await held.hold[Symbol.asyncDispose]();
    throw error;
  }
}

async function openUnder(
  area: LandingArea,
  header: JournalHeader,
  { token, isOwned, hold }: HeldToken,
  reserve: Reserve,
): Promise<Partial> {
  const { size, algorithm } = header;
  const [name, journalName] = [`${token}.part`, `${token}.journal`] as const;
  const found = await findPair(area, header, name, journalName);
  const slots = found?.slots ?? Buffer.alloc(0);
  const chunks = chunkCount(size);
  const claims = Uint8Array.from({ length: chunks }, (_, chunk) => (isNoted(slots, chunk) ? 1 : 0));
  const missing = claims.reduce((sum, one, at) => sum + (one ? 0 : chunkLength(size, at)), 0);
  await orClose(found, () => reserve(missing));
  const { file, journal } = found ?? (await makePair(area, name, journalName, header));
  const syncing = backgroundSync(file);
  const calls = callsTo(area.folder.device);
  const digestAt = chunkReader(file, size, algorithm);

  async function note(chunk: number, digest: Buffer): Promise<void> {
    await calls.write(journal.fd, digest, slotAt(chunk));
    syncing.written(chunkLength(size, chunk));
  }

  return {
    file,
    name,
    claims,
    sameSource: found?.sameSource === true,
    async write(chunk, bytes, digest) {
      await writeAll(file, bytes, chunk * chunkSize);
      await note(chunk, digest);
    },
    note,
    openAgain: async () => openSame(await area.folder.at(name), file),
    async verify(chunk, digest) {
      const noted = slots.subarray(chunk * digestLength, (chunk + 1) * digestLength);
      if (digest && !noted.equals(digest)) return false;
      return (await digestAt(chunk))?.equals(noted) === true;
    },
    async retag(kept) {
      // One that is new has this header already, and nothing to forget.
      if (!found) return;
      for (let chunk = 0; chunk < chunks; chunk += 1) {
        if (kept[chunk] !== 1 && claims[chunk] === 1)
          await calls.write(journal.fd, emptySlot, slotAt(chunk));
      }
      // A power cut must not leave the new name with what was noted under the old one.
      await journal.datasync();
      await journal.write(encodeJournalHeader(header), 0, undefined, 0);
    },
    digests: () => readSlots(journal, chunks),
    isOurs: () => hold.isOurs(),
    sync: () => syncing.finish(),
    async close(keep) {
      // What a failed sync has lost may look whole as long as it is remembered: it cannot be relied on.
      const lost = await syncing.idle();
      // Nobody would find again what has a name by chance.
      const kept = keep && !lost && isOwned;
      try {
        // A partial that was renamed is not here any more; one that was taken from us is not ours to remove.
        if (!kept && (await hold.isOurs())) await remove(area, name, journalName);
      } finally {
        await file.close();
        await journal.close();
        await hold[Symbol.asyncDispose]();
      }
      return kept;
    },
  };
}

/** The pair that was left here, if what is offered can go on with it; else there is none any more. */
async function findPair(
  area: LandingArea,
  header: JournalHeader,
  name: PrivateName,
  journalName: PrivateName,
): Promise<(Pair & { readonly sameSource: boolean; readonly slots: Buffer }) | undefined> {
  const pair = await openPair(area, name, journalName);
  const left = pair && (await orClose(pair, () => readLeft(pair, header)));
  if (left) return { ...pair, ...left };
  await close(pair);
  // The two must never come to be of different transfers, so both make place, whatever they are.
  await remove(area, name, journalName);
  return undefined;
}

/** What its journal says, if what is offered can go on with it. */
async function readLeft(
  { journal }: Pair,
  { size, algorithm, tag }: JournalHeader,
): Promise<{ readonly sameSource: boolean; readonly slots: Buffer } | undefined> {
  const before = await readJournalHeader(journal);
  if (before?.size !== size || before.algorithm !== algorithm) return undefined;
  return { sameSource: before.tag === tag, slots: await readSlots(journal, chunkCount(size)) };
}

async function remove(area: LandingArea, ...names: readonly PrivateName[]): Promise<void> {
  for (const name of names) await unlink(await area.folder.at(name)).catch(ignoreMissing);
}

type Opened = { readonly [which in keyof Pair]?: FileHandle | undefined };

async function close(pair: Opened | undefined): Promise<void> {
  await pair?.file?.close();
  await pair?.journal?.close();
}

/** What is open does not stay so when the work fails. */
async function orClose<T>(pair: Opened | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await close(pair);
    throw error;
  }
}

interface Pair {
  readonly file: FileHandle;
  readonly journal: FileHandle;
}

const anew = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A pair that was left here; undefined unless both are there, plain files with one name each. */
async function openPair(
  area: LandingArea,
  name: PrivateName,
  journalName: PrivateName,
): Promise<Pair | undefined> {
  const { O_RDWR } = constants;
  const file = await openOwn(area, name, O_RDWR);
  const journal = await orClose({ file }, () => openOwn(area, journalName, O_RDWR));
  if (file && journal) return { file, journal };
  await close({ file, journal });
  return undefined;
}

/** Opens what lies at `place` for writing. Throws when it is not this file any more. */
async function openSame(place: string, file: FileHandle): Promise<FileHandle> {
  const handle = await open(place, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    const [there, ours] = [await handle.stat({ bigint: true }), await file.stat({ bigint: true })];
    if (isSameFile(there, ours)) return handle;
    throw new SharingError('folder-gone', 'another file lies there');
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function makePair(
  area: LandingArea,
  name: PrivateName,
  journalName: PrivateName,
  header: JournalHeader,
): Promise<Pair> {
  await thinOut(area, header);
  const journal = await open(await area.folder.at(journalName), anew, 0o600);
  try {
    await journal.write(encodeJournalHeader(header), 0, undefined, 0);
    // The final file is read by whoever may read its folder: the mode follows the umask, never the peer.
    return { journal, file: await open(await area.folder.at(name), anew, 0o666) };
  } catch (error) {
    await journal.close();
    await unlink(await area.folder.at(journalName));
    throw error;
  }
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

const emptySlot = Buffer.alloc(digestLength);

function isNoted(slots: Buffer, chunk: number): boolean {
  const slot = slots.subarray(chunk * digestLength, (chunk + 1) * digestLength);
  return slot.length === digestLength && !slot.equals(emptySlot);
}

/** Reads chunks again, one after the other, with one buffer. */
function chunkReader(
  file: FileHandle,
  size: number,
  algorithm: DigestAlgorithm,
): (chunk: number) => Promise<Buffer | undefined> {
  let buffer: Buffer | undefined;
  return async (chunk) => {
    buffer ??= Buffer.allocUnsafe(Math.min(size, chunkSize));
    const length = chunkLength(size, chunk);
    const { bytesRead } = await file.read(buffer, 0, length, chunk * chunkSize);
    return bytesRead === length ? digestOf(algorithm, buffer.subarray(0, length)) : undefined;
  };
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const done = await file.write(bytes, written, bytes.length - written, position + written);
    written += done.bytesWritten;
  }
}
