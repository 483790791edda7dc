import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { secondsText } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import { openComparison } from '#sharing/storage/identical.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import type { Wish } from '#sharing/storage/publishing.js';
import { lstat, unlink, utimes } from 'node:fs/promises';

/** What lies where a small file is to come. */
export type SmallStanding =
  /** Nothing of it: it has to travel. */
  | 'new'
  /** Something of its size: its digest tells. */
  | 'compare'
  /** The same, which of an empty file is known at once. */
  | 'identical'
  /** What is there stays, by the policy. */
  | 'skip';

/** A small file that is offered. */
export interface SmallWish extends Wish {
  readonly size: number;
}

/** Where others put files too. Throws SharingError for what no file may replace. */
export async function standingAmongOthers(
  area: LandingArea,
  wish: SmallWish,
  algorithm: DigestAlgorithm,
): Promise<SmallStanding> {
  const { name, size, policy, mtime } = wish;
  const standing = await standingOf(area.target, name, policy, mtime);
  if (standing === 'skip') return 'skip';
  if (!(await lookAt(area.target, name))) return 'new';
  await using comparison = await openComparison(area, name, size, algorithm, standing === 'beside');
  if (!comparison.hopeful()) return 'new';
  if (size > 0) return 'compare';
  return (await comparison.same()) ? 'identical' : 'new';
}

/**
 * In a tree that lies here from an earlier attempt: what came before `since`, in milliseconds since 1970 as its disk
 * counts, is as good as its digest says, and makes place for what has another size.
 */
export async function standingInTree(
  target: Folder,
  name: SafeName,
  size: number,
  since: number,
): Promise<SmallStanding> {
  const there = await lookAt(target, name);
  if (!there || there.changed >= since) return 'new';
  if (there.size === size && size > 0) return 'compare';
  if (!there.isFolder) await unlink(await target.at(name));
  return 'new';
}

/** True for what this attempt has brought into the tree: two names of the sender may be one here. */
export async function isOfThisTime(
  target: Folder,
  name: SafeName,
  since: number,
): Promise<boolean> {
  const there = await lookAt(target, name);
  return there !== undefined && there.changed >= since;
}

/** The file here that has this digest, if there is one: under its name or, where it would be numbered, a sibling's. */
export async function sameHere(
  area: LandingArea,
  { name, size, policy }: SmallWish,
  algorithm: DigestAlgorithm,
  digest: Buffer,
): Promise<SafeName | undefined> {
  await using comparison = await openComparison(area, name, size, algorithm, policy === 'number');
  if (comparison.hopeful()) await comparison.compare(digest);
  return (await comparison.same())?.as;
}

/** The same in a tree, where it counts as come: what is not the same makes place. */
export async function sameInTree(
  area: LandingArea,
  wish: SmallWish,
  algorithm: DigestAlgorithm,
  digest: Buffer,
): Promise<SafeName | undefined> {
  const { name, mtime } = wish;
  const same = await sameHere(area, { ...wish, policy: 'overwrite' }, algorithm, digest);
  const place = await area.target.at(name);
  const time = secondsText(mtime);
  if (same !== undefined) await utimes(place, time, time);
  else await unlink(place).catch(() => undefined);
  return same;
}

async function lookAt(
  folder: Folder,
  name: SafeName,
): Promise<
  | { readonly size: number | undefined; readonly isFolder: boolean; readonly changed: number }
  | undefined
> {
  const stats = await lstat(await folder.at(name)).catch(() => undefined);
  if (!stats) return undefined;
  const size = stats.isFile() ? stats.size : undefined;
  return { size, isFolder: stats.isDirectory(), changed: stats.ctimeMs };
}
