import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { SharingError } from '#sharing/errors.js';
import { statePlace, type Surroundings } from '#src/process/state-place.js';
import { temporaryFolder } from '../../../support/temporary.js';

let home = '';

beforeEach(async () => {
  home = await temporaryFolder();
});

function placeOf(platform: NodeJS.Platform, parts: Partial<Surroundings> = {}): string {
  const user = platform === 'win32' ? undefined : process.getuid?.();
  return statePlace({ environment: {}, platform, home, user, workingFolder: home, ...parts });
}

test('each platform has its own place', () => {
  expect(placeOf('linux')).toBe(join(home, '.local', 'state', 'lanpost'));
  expect(placeOf('freebsd')).toBe(join(home, '.local', 'state', 'lanpost'));
  expect(placeOf('darwin')).toBe(join(home, 'Library', 'Application Support', 'lanpost'));
  expect(placeOf('win32')).toBe(join(home, 'AppData', 'Local', 'lanpost'));
});

test('a relative LANPOST_HOME is relative to the working folder', () => {
  expect(placeOf('linux', { environment: { LANPOST_HOME: 'key' } })).toBe(join(home, 'key'));
});

test('LANPOST_HOME comes before everything, on every platform; empty is not set', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    const environment = { LANPOST_HOME: '/srv/key', XDG_STATE_HOME: '/x', LOCALAPPDATA: '/l' };
    expect(placeOf(platform, { environment, home: '/nowhere' })).toBe(resolve('/srv/key'));
    expect(placeOf(platform, { environment: { LANPOST_HOME: '' } })).toContain(home);
  }
});

test('the variables of the platform', () => {
  const environment = { XDG_STATE_HOME: '/x', LOCALAPPDATA: '/l' };
  expect(placeOf('linux', { environment })).toBe(join('/x', 'lanpost'));
  expect(placeOf('darwin', { environment })).toContain('Application Support');
  expect(placeOf('win32', { environment })).toBe(join('/l', 'lanpost'));
});

test('a relative XDG folder counts as not set, as its specification says', () => {
  expect(placeOf('linux', { environment: { XDG_STATE_HOME: 'state' } })).toContain(home);
});

test.each(['', 'Local', '.\\Local'])(
  'LOCALAPPDATA counts only as a whole path: not %j',
  (local) => {
    const environment = { LOCALAPPDATA: local };
    expect(placeOf('win32', { environment })).toBe(join(home, 'AppData', 'Local', 'lanpost'));
  },
);

test('a home that is missing, or no folder', async () => {
  const file = join(home, 'file');
  await writeFile(file, '');
  for (const platform of ['linux', 'darwin'] as const) {
    for (const missing of [join(home, 'nowhere'), file]) {
      expect(codeOf(() => placeOf(platform, { home: missing }))).toBe('state-missing');
    }
  }
});

test('no home at all', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    expect(codeOf(() => placeOf(platform, { home: '' }))).toBe('state-missing');
  }
  const environment = { LANPOST_HOME: '/srv/key' };
  expect(placeOf('linux', { environment, home: '' })).toBe(resolve('/srv/key'));
});

test('a home of somebody else', () => {
  expect(codeOf(() => placeOf('linux', { user: 54_321 }))).toBe('state-missing');
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof SharingError ? error.code : 'foreign';
  }
}
