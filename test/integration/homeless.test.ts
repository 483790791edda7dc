import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isThere } from '../support/privileges.js';

const dist = join(import.meta.dirname, '../../dist');
/** A user that no system knows. */
const nobody = 54_321;

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'lanpost-homeless-'));
  // Where the repository lies may be closed to others.
  await cp(dist, join(base, 'dist'), { recursive: true });
  await writeFile(join(base, 'package.json'), '{"type":"module"}');
  await mkdir(join(base, 'work'));
  await chmod(base, 0o755);
});
afterAll(() => rm(base, { recursive: true, force: true }));

function run(
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly uid?: number },
): SpawnSyncReturns<string> {
  const main = join(base, 'dist', 'lanpost.js');
  return spawnSync(process.execPath, [main, ...words], {
    cwd: join(base, 'work'),
    encoding: 'utf8',
    ...options,
  });
}

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isThere('users without a home', isRoot ? null : 'not root on Linux'))(
  'a user without a home and without an entry',
  () => {
    const uid = nobody;

    test.each([['--help'], ['--version'], ['get', '--help']])('is told %s', (...words) => {
      const { status, stdout, stderr } = run(words, { uid, env: {} });
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/lanpost/);
    });

    test('hears where the key could go', () => {
      const { status, stderr } = run(['config'], { uid, env: {} });
      expect([status, stderr]).toEqual([
        2,
        'lanpost: no place for the key: this user has no home folder\n' +
          '  set LANPOST_HOME to a folder that this user may write to\n',
      ]);
    });

    test('works once there is one', async () => {
      const state = join(base, 'state');
      await mkdir(state, { mode: 0o700 });
      await chown(state, uid, uid);
      const { status, stdout, stderr } = run(['config'], { uid, env: { LANPOST_HOME: state } });
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('tcpPort');
    });
  },
);

test.skipIf(process.platform === 'win32')('where the current folder is gone, that is said', () => {
  const main = join(base, 'dist', 'lanpost.js');
  const gone = join(base, 'gone');
  const line = 'mkdir "$1" && cd "$1" && rmdir "$1" && shift && exec "$@"';
  const env = { ...process.env, LANPOST_HOME: join(base, 'own') };
  const within = (...words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync('sh', ['-c', line, 'sh', gone, process.execPath, main, ...words], {
      encoding: 'utf8',
      env,
    });
  expect(within('--help')).toMatchObject({ status: 0, stderr: '' });
  expect(within('config')).toMatchObject({
    status: 2,
    stderr: 'lanpost: the current folder is gone\n  change to one that exists\n',
  });
});
