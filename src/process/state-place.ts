import { SharingError } from '#sharing/errors.js';
import { statSync } from 'node:fs';
import { join, resolve, win32 } from 'node:path';

/** What of the process decides where the state folder is. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The user's home as the system knows it; empty when there is none. */
  readonly home: string;
  /** What a relative place refers to; empty when it is gone. */
  readonly workingFolder: string;
  /** The user's number, or undefined on Windows. */
  readonly user: number | undefined;
}

/**
 * The state folder: `LANPOST_HOME`, else the platform's own place. Throws SharingError `state-missing`
 * when the home is missing or another user's, as in many containers.
 */
export function statePlace(surroundings: Surroundings): string {
  const { environment, platform, home, user, workingFolder } = surroundings;
  const given = environment['LANPOST_HOME'];
  if (given !== undefined && given !== '') return resolve(workingFolder, given);
  if (platform === 'win32') {
    const local = environment['LOCALAPPDATA'] ?? '';
    if (win32.isAbsolute(local)) return join(local, 'lanpost');
    if (home === '') throw noHome();
    return join(home, 'AppData', 'Local', 'lanpost');
  }
  const state = environment['XDG_STATE_HOME'];
  if (platform !== 'darwin' && state?.startsWith('/')) return join(state, 'lanpost');
  mustBeOurs(home, user);
  return platform === 'darwin'
    ? join(home, 'Library', 'Application Support', 'lanpost')
    : join(home, '.local', 'state', 'lanpost');
}

function mustBeOurs(home: string, user: number | undefined): void {
  if (home === '') throw noHome();
  const stats = statSync(home, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) {
    throw new SharingError('state-missing', `the home folder ${home} does not exist`, {
      path: home,
    });
  }
  if (user !== undefined && stats.uid !== user) {
    throw new SharingError('state-missing', `the home folder ${home} belongs to another user`, {
      path: home,
    });
  }
}

function noHome(): SharingError {
  return new SharingError('state-missing', 'this user has no home folder');
}
