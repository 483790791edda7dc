import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import { secondsOf } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import { lookAlikes, openComparison } from '#sharing/storage/identical.js';
import type { Leftovers } from '#sharing/storage/leftovers.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import type { Wish } from '#sharing/storage/publishing.js';
import { utimes } from 'node:fs/promises';

/** What lies where a small file is to come. */
export type SmallStanding =
  /** Nothing of it: it has to travel. */
  | 'new'
  /** Something of its size under these names: its digest tells. */
  | { readonly compare: readonly SafeName[] }
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
  const names = await lookAlikes(area.target, name, size, standing === 'beside');
  if (names.length === 0) return 'new';
  if (size > 0) return { compare: names };
  await using comparison = await openComparison(area.target, names, size, algorithm);
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
  if (found.size === size && size > 0) return { compare: [name] };
  await left.remove(target, name, found);
  return 'new';
}

/** The one of these files that has this digest, if there is one. */
export async function sameHere(
  { target }: LandingArea,
  names: readonly SafeName[],
  size: number,
  algorithm: DigestAlgorithm,
  digest: Buffer,
): Promise<SafeName | undefined> {
  await using comparison = await openComparison(target, names, size, algorithm);
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
  const { name, size, mtime } = wish;
  const found = await left.find(area.target, name);
  // Another name of the sender's, which is the same here, may have taken it meanwhile.
  if (!found) return undefined;
  const same = await sameHere(area, [name], size, algorithm, digest);
  if (same === undefined) {
    await left.remove(area.target, name, found);
    return undefined;
  }
  const time = secondsOf(mtime);
  await utimes(await area.target.at(name), time, time);
  await left.claim(area.target, name);
  return same;
}
