import { SharingError } from '#sharing/errors.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import { modificationTime } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import type { SafeName } from '#sharing/storage/path.js';
import type { Policy } from '#sharing/wire/message.js';

/** What is to become of an offered file, by what stands under its name. */
export type Standing =
  /** It gets the name, or with other content there a numbered one. */
  | 'beside'
  /** It takes the place of the file that stands there, if one does when it is complete. */
  | 'instead'
  /** What stands there stays, and nothing is received. */
  | 'skip';

/**
 * Decides by the policy, before a byte moves; `mtime` is that of the offer, in microseconds since 1970. Throws
 * SharingError `is-folder` or `not-a-file` for what no file may replace.
 */
export async function standingOf(
  target: Folder,
  name: SafeName,
  policy: Policy,
  mtime: number,
): Promise<Standing> {
  if (policy === 'number') return 'beside';
  const there = await callsTo(target.device).find(await target.at(name));
  if (policy === 'skip') return there ? 'skip' : 'beside';
  if (!there) return 'instead';
  if (there.isDirectory()) throw new SharingError('is-folder', 'a folder has this name');
  if (!there.isFile()) throw new SharingError('not-a-file', 'what has this name is no file');
  if (policy === 'update' && modificationTime(there) >= mtime) return 'skip';
  return 'instead';
}
