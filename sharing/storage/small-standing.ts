import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { secondsText } from '#sharing/storage/file-state.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import type { Folder } from '#sharing/storage/folder.js';
import { openComparison } from '#sharing/storage/identical.js';
import type { Leftovers } from '#sharing/storage/leftovers.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import type { Wish } from '#sharing/storage/publishing.js';
import { utimes } from 'node:fs/promises';

/** What lies where a small file is to come. */
export type SmallStanding =
  /** Nothing of it: it has to travel. */
  | 'new'
  /** Something of its size: its digest tells. */
  | 'compare'
  /** The same under this name, which of an empty file is known at once. */
  | { readonly as: SafeName }
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
  if (!(await isTaken(area.target, name))) return 'new';
  await using comparison = await openComparison(area, name, size, algorithm, standing === 'beside');
  if (!comparison.hopeful()) return 'new';
  if (size > 0) return 'compare';
  return (await comparison.same()) ?? 'new';
}

/** In a tree: what an earlier attempt left is as good as its digest says, and makes place for what has another size. */
export async function standingInTree(
  target: Folder,
  { name, size }: SmallWish,
  left: Leftovers,
): Promise<SmallStanding> {
  const found = await left.find(target, name);
  if (!found) return 'new';
  if (found.size === size && size > 0) return 'compare';
  await left.remove(target, name, found);
  return 'new';
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

/** The same in a tree, where it counts as come; what is not the same makes place. */
export async function sameInTree(
  area: LandingArea,
  wish: SmallWish,
  algorithm: DigestAlgorithm,
  digest: Buffer,
  left: Leftovers,
): Promise<SafeName | undefined> {
  const { name, mtime } = wish;
  const found = await left.find(area.target, name);
  // Another name of the sender's, which is the same here, may have taken it meanwhile.
  if (!found) return undefined;
  const same = await sameHere(area, { ...wish, policy: 'overwrite' }, algorithm, digest);
  if (same === undefined) {
    await left.remove(area.target, name, found);
    return undefined;
  }
  const time = secondsText(mtime);
  await utimes(await area.target.at(name), time, time);
  await left.claim(area.target, name);
  return same;
}

/** Where nothing has the name there is nothing to compare with, and a long folder need not be read. */
export async function isTaken(target: Folder, name: SafeName): Promise<boolean> {
  const place = await target.at(name);
  try {
    await callsTo(target.device).lstat(place);
    return true;
  } catch {
    return false;
  }
}
