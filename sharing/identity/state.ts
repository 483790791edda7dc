import { asSharingError, errnoOf, SharingError, writingTo } from '#sharing/errors.js';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';

/**
 * Opens, and makes if need be, the folder with this device's key and the peers it knows. Throws
 * SharingError `state-unwritable` or `no-room` when it cannot be made, `state-not-private` when others may look
 * into it.
 */
export async function openState(folder: string): Promise<void> {
  await writingTo(folder, 'state-unwritable', () =>
    mkdir(folder, { recursive: true, mode: 0o700 }),
  );
  await mustBePrivate(folder, true);
}

/**
 * The text of a private file in the state folder, or undefined when there is none. Throws SharingError
 * `state-not-private` when somebody else may read it, `state-damaged` when we may not.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  try {
    // The folder may be reached by a link of the user's own; a file in it may not be one.
    await mustBePrivate(path, false);
    return await readFile(path, 'utf8');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (error instanceof SharingError || errno === undefined) throw error;
    const words = `${path} cannot be read (${errno})`;
    throw new SharingError('state-damaged', words, { path }, error);
  }
}

/**
 * The text of a file that the user keeps private. Throws SharingError `not-found`, `is-folder`, `no-permission` or
 * `state-not-private`.
 */
export async function readPrivateFile(path: string): Promise<string> {
  try {
    await mustBePrivate(path, true);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof SharingError) throw error;
    const { code, message } = asSharingError(error, 'read-failed');
    const missing = code === 'not-found' || code === 'not-a-folder';
    const words = missing ? `there is no file ${path}` : message;
    throw new SharingError(missing ? 'not-found' : code, words, { path, local: true }, error);
  }
}

/** Replaces a private file: whole or not at all, and on the disk when this resolves. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = await writeBeside(path, text);
  await rename(temporary, path).catch(async (error: unknown) => {
    await unlink(temporary).catch(() => undefined);
    throw error;
  });
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Writes a private file of a new name beside `path`, and gives that name once it is on the disk. */
export async function writeBeside(path: string, text: string): Promise<string> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

/**
 * Refuses a share that contains the state folder or lies in it: keys would be shared, or overwritten.
 * Throws SharingError `folder-overlaps-state` or `folder-missing`.
 */
export async function mustBeApart(state: string, folder: string): Promise<void> {
  const missing = (error: unknown): never => {
    throw new SharingError(
      'folder-missing',
      `there is no folder ${folder}`,
      { path: folder },
      error,
    );
  };
  const [inner, outer] = [await realpath(state), await realpath(folder).catch(missing)];
  if (!contains(inner, outer) && !contains(outer, inner)) return;
  throw new SharingError('folder-overlaps-state', `${folder} and ${state} overlap`, {
    path: folder,
    state,
  });
}

function contains(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path === '' || !(path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path));
}

async function mustBePrivate(path: string, mayBeLink: boolean): Promise<void> {
  const stats = mayBeLink ? await stat(path) : await lstat(path);
  // Modes say nothing on Windows, where the profile folder is private by its own rules.
  if (process.getuid === undefined) return;
  const why = stats.isSymbolicLink()
    ? 'link'
    : stats.uid !== process.getuid()
      ? 'foreign'
      : (stats.mode & 0o077) !== 0
        ? 'open'
        : undefined;
  if (why !== undefined) {
    throw new SharingError('state-not-private', `${path} is not private`, { path, why });
  }
}

/** Places in the state folder. */
export function statePlaces(folder: string): {
  readonly identity: string;
  readonly peers: string;
  readonly seen: string;
} {
  return {
    identity: join(folder, 'identity.pem'),
    peers: join(folder, 'peers.json'),
    seen: join(folder, 'seen.json'),
  };
}
