import { errnoOf } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import {
  chunkCount,
  chunkLength,
  digestOf,
  digestText,
  fileDigest,
  type DigestAlgorithm,
} from '#sharing/storage/digest.js';
import { isUnchanged } from '#sharing/storage/file-state.js';
import { openRegular, type Folder } from '#sharing/storage/folder.js';
import { isSibling } from '#sharing/storage/naming.js';
import { isSafeName, type SafeName } from '#sharing/storage/path.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, type FileHandle } from 'node:fs/promises';

/** Files that are compared with an offer, at most; newest first. */
export const maxCandidates = 8;

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
export const nothingHere: Comparison = {
  hopeful: () => false,
  compare: () => Promise.resolve(),
  same: () => Promise.resolve(undefined),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Opens the comparison of an offer with the file called `name` and, if they count, its numbered siblings. */
export async function openComparison(
  area: LandingArea,
  name: SafeName,
  size: number,
  algorithm: DigestAlgorithm,
  withSiblings: boolean,
): Promise<Comparison> {
  const names = withSiblings ? await siblings(area, name, size) : [name];
  let candidates = await openCandidates(area, names, size);
  const digests: Buffer[] = [];
  const chunks = chunkCount(size);
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
        digests.push(Buffer.from(digest));
        compared += 1;
      }
    },
    async same() {
      if (compared < chunks) return undefined;
      for (let first = candidates[0]; first; first = candidates[0]) {
        if (await isStillThere(area.target, first)) {
          const whole = fileDigest(algorithm, size, Buffer.concat(digests));
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

/** Names here that could hold the same content: right name, right size; newest first. */
async function siblings(
  area: LandingArea,
  name: SafeName,
  size: number,
): Promise<readonly SafeName[]> {
  const names = await readdir(await area.target.self());
  const found: { name: SafeName; mtime: number }[] = [];
  for (const other of names) {
    if (!isSafeName(other) || !isSibling(name, other)) continue;
    const stats = await lstat(await area.target.at(other)).catch(() => undefined);
    if (stats?.isFile() && stats.size === size) found.push({ name: other, mtime: stats.mtimeMs });
  }
  found.sort((a, b) => b.mtime - a.mtime);
  return found.slice(0, maxCandidates).map((one) => one.name);
}

async function openCandidates(
  area: LandingArea,
  names: readonly SafeName[],
  size: number,
): Promise<Candidate[]> {
  const opened: Candidate[] = [];
  for (const name of names) {
    const file = await openRegular(area.target, name).catch(() => undefined);
    if (!file) continue;
    if (Number(file.stats.size) === size) opened.push({ name, ...file });
    else await file.handle.close();
  }
  return opened;
}

/** Much can happen to a file while a long one is compared; and "identical" promises as much as a receipt. */
async function isStillThere(folder: Folder, { name, handle, stats }: Candidate): Promise<boolean> {
  try {
    await handle.sync().catch(ignoreReadOnly);
    await folder.sync();
    const now = await handle.stat({ bigint: true });
    const there = await lstat(await folder.at(name), { bigint: true });
    return isUnchanged(stats, now) && now.ino === there.ino && now.dev === there.dev;
  } catch {
    return false;
  }
}

/** Windows syncs only what is open for writing. */
function ignoreReadOnly(error: unknown): void {
  if (errnoOf(error) !== 'EPERM') throw error;
}
