import {
  nothingLeft,
  plainName,
  type Mover,
  type TransferOptions,
} from '#sharing/dialogue/getting.js';
import type { LeftOut } from '#sharing/batch/receive.js';
import { asSharingError, localError, SharingError } from '#sharing/errors.js';
import { gathering, marked } from '#sharing/gathering.js';
import { folderCache, type FolderCache } from '#sharing/storage/folder-cache.js';
import { openFolder, openRegular, type Folder } from '#sharing/storage/folder.js';
import { ownName, safeName, type OwnName, type SafeName } from '#sharing/storage/path.js';
import { sharing } from '#sharing/storage/shared-reads.js';
import type { Spool } from '#sharing/storage/spool.js';
import { sourceOf, type Source } from '#sharing/storage/source.js';
import type { Top } from '#sharing/storage/walk.js';
import { lstat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

/** Puts one file as it is, a folder or several things in one batch. */
export async function putTo(
  mover: Mover,
  files: readonly string[] | Spool,
  options: TransferOptions,
): Promise<LeftOut> {
  if ('open' in files) {
    await putSpool(mover, files, options);
    return nothingLeft;
  }
  const [only, second] = files;
  if (only === undefined) return nothingLeft;
  if (second !== undefined) return putMany(mover, files, options);
  try {
    await putOne(mover, only, options);
    return nothingLeft;
  } catch (error) {
    if (!(error instanceof SharingError) || error.facts['local'] !== true) throw error;
    if (error.code !== 'is-folder') throw error;
  }
  return putMany(mover, files, options);
}

/** What came over a pipe has no name of its own. Throws SharingError `name-refused` without one. */
async function putSpool(mover: Mover, spool: Spool, options: TransferOptions): Promise<void> {
  const name = plainName(options.as ?? '');
  await using spooled = await spool.open(mover.device.tagKey);
  const source = sharing(spooled, options.reads);
  await putSource(mover, '-', source, { name, as: name }, options);
}

async function putOne(mover: Mover, file: string, options: TransferOptions): Promise<void> {
  const { as } = options;
  const path = resolve(file);
  // What goes out is the name that was asked for; how it is called here is its user's affair.
  const plain = as === undefined ? undefined : plainName(as);
  const name = plain ?? safeName(basename(path));
  await using opened = await openLocal(path, mover.device.tagKey);
  const source = sharing(opened, options.reads);
  await putSource(mover, file, source, { name, ...(plain && { as: plain }) }, options);
}

async function putSource(
  { asking }: Mover,
  file: string,
  source: Source,
  names: { readonly name: SafeName; readonly as?: SafeName },
  { policy = 'number', onEnded, onProgress, signal }: TransferOptions,
): Promise<void> {
  const outcome = await asking.put(source, {
    ...names,
    policy,
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
  });
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind === 'skipped') {
    onEnded({ outcome: 'skipped', path: file, as: outcome.as });
    return;
  }
  const { kind, as: stored, digest } = outcome;
  const ended = { outcome: kind, path: file, as: stored, size: source.size, digest };
  onEnded(marked(ended, names.name));
}

async function putMany(
  { device, asking }: Mover,
  files: readonly string[],
  { as, policy = 'number', onEnded, each = false, ...rest }: TransferOptions,
): Promise<LeftOut> {
  const plain = as === undefined ? undefined : plainName(as);
  await using places = openPlaces();
  const tops: Top[] = [];
  for (const file of files) {
    try {
      tops.push(await topOf(file, plain, places));
    } catch (error) {
      onEnded({ outcome: 'failed', path: file, error: asSharingError(error, 'read-failed') });
    }
  }
  if (tops.length === 0) return nothingLeft;
  const gathered = gathering(each, onEnded);
  return await asking.putMany({
    tops,
    ...(plain && { as: plain }),
    policy,
    tagKey: device.tagKey,
    onEnd(one) {
      const { top } = one;
      const typed = top.typed ?? top.name;
      const below = one.path.slice(top.name.length);
      const path = `${typed}${below}`;
      const inTop = below === '' ? undefined : typed;
      if (one.kind === 'folder') gathered.folder(typed, one.as);
      else if (one.kind === 'problem') {
        // Also when it is the top itself: then its folder stands without all that it should hold.
        gathered.failed(typed, path, one.isOurs ? localError(one.error) : one.error);
      } else if (one.outcome.kind === 'failed') gathered.failed(inTop, path, one.outcome.error);
      else {
        const { size, outcome } = one;
        const isTold = each || inTop === undefined;
        const as = isTold ? below.slice(1, below.lastIndexOf('/') + 1) + outcome.as : outcome.as;
        const named = { path: isTold ? path : one.path, as };
        if (outcome.kind === 'skipped') gathered.file(inTop, { outcome: 'skipped', ...named });
        else {
          const { kind: how, digest } = outcome;
          gathered.file(inTop, { outcome: how, ...named, size, digest });
        }
      }
    },
    ...rest,
  });
}

/** A file or folder that the user named; links in the way to it are the user's own words. */
async function topOf(file: string, plain: SafeName | undefined, places: Places): Promise<Top> {
  const path = resolve(file);
  const name = plain ?? safeName(basename(path));
  const own = ownName(basename(path));
  const folders = await places.at(dirname(path));
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory()) await mustBeReadable(folders, own);
  return { name, folders, at: [own], typed: file };
}

/** A folder that cannot be read would stand there empty. */
async function mustBeReadable(folders: FolderCache, name: OwnName): Promise<void> {
  try {
    (await folders.take([name])).release();
  } catch (error) {
    asLocal(error);
  }
}

/** The folders in which the things lie that the user named, each opened once. */
interface Places extends AsyncDisposable {
  at(path: string): Promise<FolderCache>;
}

function openPlaces(): Places {
  const open = new Map<string, { readonly root: Folder; readonly folders: FolderCache }>();
  return {
    async at(path) {
      const known = open.get(path);
      if (known) return known.folders;
      const root = await openFolder(path).catch(asLocal);
      const folders = folderCache(root);
      open.set(path, { root, folders });
      return folders;
    },
    async [Symbol.asyncDispose]() {
      for (const { root, folders } of open.values()) {
        await folders[Symbol.asyncDispose]();
        await root[Symbol.asyncDispose]();
      }
    },
  };
}

/** Opens the file that the user named; links in the way to it are the user's own words. */
async function openLocal(path: string, tagKey: Buffer): Promise<Source> {
  try {
    await using folder = await openFolder(dirname(path));
    const { handle, stats } = await openRegular(folder, ownName(basename(path)));
    return sourceOf(handle, stats, tagKey);
  } catch (error) {
    return asLocal(error);
  }
}

function asLocal(error: unknown): never {
  throw localError(asSharingError(error, 'read-failed'), error);
}
