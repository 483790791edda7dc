import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest';
import { keepCompiled } from '#src/process/compiled.js';
import { temporaryFolder } from '../../../support/temporary.js';

const enableCompileCache = vi.fn();
const user = process.getuid?.();
let state: string;
let builtin: MockInstance;

beforeEach(async () => {
  state = join(await temporaryFolder(), 'state');
  enableCompileCache.mockReset();
  builtin = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ enableCompileCache });
});
afterEach(() => {
  vi.restoreAllMocks();
});

function keep(place: string, by = user): void {
  keepCompiled({
    environment: { LANPOST_HOME: place },
    platform: process.platform,
    home: '',
    workingFolder: '',
    user: by,
    version: () => '1.0.0',
  });
}

test('what was compiled is kept for each version, and that of an earlier one goes', async () => {
  await mkdir(join(state, 'compiled/0.9.0'), { recursive: true, mode: 0o700 });
  await writeFile(join(state, 'compiled/0.9.0/old'), '');
  keep(state);
  expect(enableCompileCache).toHaveBeenCalledExactlyOnceWith(join(state, 'compiled/1.0.0'));
  expect(await readdir(join(state, 'compiled'))).toEqual(['1.0.0']);
  await writeFile(join(state, 'compiled/1.0.0/kept'), '');
  keep(state);
  expect(await readdir(join(state, 'compiled/1.0.0'))).toEqual(['kept']);
});

test('nothing is made where there is no state', async () => {
  keep(state);
  expect(enableCompileCache).not.toHaveBeenCalled();
  await expect(readdir(state)).rejects.toThrow('ENOENT');
});

test('a state that cannot be looked at is no failure here', async () => {
  const file = `${state}-file`;
  await writeFile(file, '');
  // The last one has no home either.
  for (const place of [join(file, 'below'), join(state, 'x'.repeat(300)), 'a\0b', '']) {
    keep(place);
  }
  expect(enableCompileCache).not.toHaveBeenCalled();
});

test('a Node that cannot do it starts as well', async () => {
  await mkdir(state, { mode: 0o700 });
  builtin.mockReturnValue({});
  keep(state);
  expect(await readdir(state)).toEqual([]);
});

describe.skipIf(user === undefined)('what others could write is not run', () => {
  test.each<[string, (state: string) => Promise<unknown>]>([
    ['a folder that others may write', (place) => mkdir(place, { mode: 0o770 })],
    ['a folder that others may read', (place) => mkdir(place, { mode: 0o750 })],
    ['a link', (place) => symlink('/tmp', place)],
    ['a file', (place) => writeFile(place, '', { mode: 0o600 })],
  ])('%s', async (_, make) => {
    await make(state);
    keep(state);
    expect(enableCompileCache).not.toHaveBeenCalled();
  });

  test('a folder of somebody else', async () => {
    await mkdir(state, { mode: 0o700 });
    keep(state, (user ?? 0) + 1);
    expect(enableCompileCache).not.toHaveBeenCalled();
  });
});
