import { errnoOf } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import {
  chunkCount,
  chunkLength,
  digestOf,
  digestText,
  fileDigest,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { isSameFile, isUnchanged } from '#sharing/storage/file-state.js';
import { openRegular, type Folder } from '#sharing/storage/folder.js';
import { numbered } from '#sharing/storage/naming.js';
import type { SafeName } from '#sharing/storage/path.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Files that are compared with an offer, at most; newest first. */
const maxCandidates = 8;
/** Numbers that are looked at. */
const maxLooked = 100;
/** Numbers in a row that no file has, after which no more are looked for: some may have been taken away. */
const maxGap = 4;

/**
 * Compares files that are here with the digests of a file that is offered, chunk by chunk as they come,
 * so that a difference is found early and memory does not grow with the file.
 */
export interface Comparison extends AsyncDisposable {
  /** False when no file here can be the same any more. */
  hopeful(): boolean;
  /** The next digests, in order. */
  compare(digests: Buffer): Promise<void>;
  /** The file that is the same, once all digests were compared: unchanged since, in its place, on the disk. */
  same(): Promise<{ readonly as: SafeName; readonly digest: string } | undefined>;
}

interface Candidate {
  readonly name: SafeName;
  readonly handle: FileHandle;
  readonly stats: BigIntStats;
}

/** Of an offer for whose name there is nothing here. */
const nothingHere: Comparison = {
  hopeful: () => false,
  compare: () => Promise.resolve(),
  same: () => Promise.resolve(undefined),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Opens the comparison of an offer with the files of `folder` that look like it (`lookAlikes`). */
export async function openComparison(
  folder: Folder,
  names: readonly SafeName[],
  size: number,
  algorithm: DigestAlgorithm,
): Promise<Comparison> {
  if (names.length === 0) return nothingHere;
  let candidates = await openCandidates(folder, names, size);
  const chunks = chunkCount(size);
  const digests = Buffer.alloc(chunks * digestLength);
  const buffer = Buffer.allocUnsafe(Math.min(size, chunkSize));
  let compared = 0;

  async function matches(candidate: Candidate, digest: Buffer): Promise<boolean> {
    const length = chunkLength(size, compared);
    const read = await candidate.handle
      .read(buffer, 0, length, compared * chunkSize)
      .catch(() => undefined);
    const whole = read?.bytesRead === length;
    if (whole && digestOf(algorithm, buffer.subarray(0, length)).equals(digest)) return true;
    await candidate.handle.close();
    return false;
  }

  return {
    hopeful: () => candidates.length > 0,
    async compare(page) {
      for (let at = 0; at < page.length && candidates.length > 0; at += digestLength) {
        const digest = page.subarray(at, at + digestLength);
        const left: Candidate[] = [];
        for (const candidate of candidates) {
          if (await matches(candidate, digest)) left.push(candidate);
        }
        candidates = left;
        digest.copy(digests, compared * digestLength);
        compared += 1;
      }
    },
    async same() {
      if (compared < chunks) return undefined;
      for (let first = candidates[0]; first; first = candidates[0]) {
        if (await isStillThere(folder, first)) {
          const whole = fileDigest(algorithm, size, digests);
          return { as: first.name, digest: digestText(algorithm, whole) };
        }
        candidates = candidates.slice(1);
        await first.handle.close();
      }
      return undefined;
    },
    async [Symbol.asyncDispose]() {
      const open = candidates;
      candidates = [];
      await Promise.all(open.map(({ handle }) => handle.close()));
    },
  };
}

/**
 * The files of `folder` that could hold what is offered as `name`, by their size: that one and, if they count, its numbered
 * siblings, newest first. They are asked for one by one: to read the folder for each of the thousand files in it would take
 * a thousand times as long.
 */
export async function lookAlikes(
  folder: Folder,
  name: SafeName,
  size: number,
  withSiblings: boolean,
): Promise<readonly SafeName[]> {
  const found: { name: SafeName; mtime: bigint }[] = [];
  const calls = callsTo(folder.device);
  const most = withSiblings ? maxLooked : 1;
  let missing = 0;
  for (let n = 1; n <= most && missing < maxGap; n += 1) {
    const other = numberedIfShort(name, n);
    if (other === undefined) break;
    const stats = await calls.find(await folder.at(other));
    missing = stats ? 0 : missing + 1;
    // Where nothing has the name itself nothing is compared.
    if (n === 1 && !stats) break;
    if (stats?.isFile() && Number(stats.size) === size) {
      found.push({ name: other, mtime: stats.mtimeNs });
    }
  }
  found.sort((a, b) => Number(b.mtime - a.mtime));
  return found.slice(0, maxCandidates).map((one) => one.name);
}

function numberedIfShort(name: SafeName, n: number): SafeName | undefined {
  try {
    return numbered(name, n);
  } catch {
    return undefined;
  }
}

async function openCandidates(
  folder: Folder,
  names: readonly SafeName[],
  size: number,
): Promise<Candidate[]> {
  const opened: Candidate[] = [];
  for (const name of names) {
    const file = await openRegular(folder, name).catch(() => undefined);
    if (!file) continue;
    if (Number(file.stats.size) === size) opened.push({ name, ...file });
    else await file.handle.close();
  }
  return opened;
}

/** Much can happen to a file while a long one is compared; and "identical" promises as much as a receipt. */
async function isStillThere(folder: Folder, { name, handle, stats }: Candidate): Promise<boolean> {
  try {
    const calls = callsTo(folder.device);
    // All of a large file may still have to be written: this thread has no time for that.
    await quietly(() => (stats.size > chunkSize ? handle.sync() : calls.fsync(handle.fd)));
    await folder.sync();
    const now = await calls.fstat(handle.fd);
    const there = await calls.lstat(await folder.at(name));
    return isUnchanged(stats, now) && isSameFile(now, there);
  } catch {
    return false;
  }
}

/** Windows syncs only what is open for writing. */
async function quietly(sync: () => Soon<void>): Promise<void> {
  try {
    await sync();
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
