import { openOwn, type LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod/mini';

/** What a journal says of its partial: enough to know later whether it is the same transfer. */
export interface JournalHeader {
  readonly algorithm: DigestAlgorithm;
  /** The other device, by id. */
  readonly peer: string;
  /** Its opaque name for the state of its file. */
  readonly tag: string;
  /** Final name that is wanted. */
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Modification time in microseconds since 1970. */
  readonly mtime: number;
  /** It is of a folder: beside it lies a tree in place of a part, and there are no slots. */
  readonly folder?: true | undefined;
  /** Only an open door had let the other device in. */
  readonly stranger?: true | undefined;
}

const headerSchema = z.object({
  chunkSize: z.literal(chunkSize),
  // Also one that this machine has not: it may have been written by another, and a folder needs none.
  algorithm: z.enum(['blake3', 'sha256']),
  peer: z.string(),
  tag: z.string(),
  name: z.string(),
  size: z.int().check(z.gte(0)),
  mtime: z.int(),
  folder: z.optional(z.literal(true)),
  stranger: z.optional(z.literal(true)),
}) satisfies z.ZodMiniType<JournalHeader>;

/** First line of a journal; the number is the version of the format (PROTOCOL.md, "Journal"). */
export const journalMagic = 'lanpost journal 1';
/** Bytes before the first slot. */
export const journalHeaderLength = 4096;

/**
 * Bytes of the header: magic line, JSON line, blanks up to `journalHeaderLength`. Of a name that is too long for it only the
 * end is noted: it is for people, who know the file by that.
 */
export function encodeJournalHeader(header: JournalHeader): Buffer {
  const { algorithm, peer, tag, name, size, mtime, folder, stranger } = header;
  const fields = { chunkSize, algorithm, peer, tag, name, size, mtime, folder, stranger };
  const json = JSON.stringify(fields);
  const text = `${journalMagic}\n${json}\n`;
  const block = Buffer.alloc(journalHeaderLength, ' ');
  const excess = Buffer.byteLength(text) - block.length;
  if (excess > 0 && name === '') throw new RangeError('journal header too long');
  if (excess > 0)
    return encodeJournalHeader({ ...header, name: name.slice(excess).toWellFormed() });
  block.write(text);
  return block;
}

/**
 * The header of a journal that lies on the disk; undefined for what is none of this version, or was
 * damaged: its partial is worth nothing.
 */
export async function readJournalHeader(journal: FileHandle): Promise<JournalHeader | undefined> {
  const block = Buffer.alloc(journalHeaderLength);
  const { bytesRead } = await journal.read(block, 0, block.length, 0);
  const [magic, json = ''] = block.toString('utf8', 0, bytesRead).split('\n');
  if (bytesRead < block.length || magic !== journalMagic) return undefined;
  try {
    return headerSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

/** A journal that lies in a landing area. */
export interface FoundJournal {
  /** Undefined as `readJournalHeader` says. */
  readonly header: JournalHeader | undefined;
  /** When it was changed, in milliseconds since 1970. */
  readonly ctimeMs: number;
}

/** Undefined where none lies that is a plain file. Throws the system's errors: it may be there all the same. */
export async function readJournal(
  area: LandingArea,
  token: string,
): Promise<FoundJournal | undefined> {
  const journal = await openOwn(area, `${token}.journal`, constants.O_RDONLY);
  if (!journal) return undefined;
  try {
    const { ctimeMs } = await journal.stat();
    return { header: await readJournalHeader(journal), ctimeMs };
  } finally {
    await journal.close();
  }
}

/**
 * Where in a journal the digest of a chunk that has landed is noted, in bytes. It is a hint for resuming, never a proof:
 * whoever reads it compares the chunk with it, so neither order nor sync is needed there.
 */
export function slotAt(chunk: number): number {
  return journalHeaderLength + chunk * digestLength;
}

/** All slots of a journal with `chunks` chunks, in order; zeros where none was written. */
export async function readSlots(journal: FileHandle, chunks: number): Promise<Buffer> {
  const slots = Buffer.alloc(chunks * digestLength);
  await journal.read(slots, 0, slots.length, journalHeaderLength);
  return slots;
}
