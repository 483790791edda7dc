import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemOfProcess } from '#src/process/system.js';

const system = systemOfProcess({});

test('what cannot be read is null or nothing, never an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanpost-system-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'a'), 'text');
  await symlink('socket:[7]', join(folder, 'b'));
  expect((await system.list(folder)).toSorted()).toEqual(['a', 'b']);
  expect(await system.readText(join(folder, 'a'))).toBe('text');
  expect(await system.linkOf(join(folder, 'b'))).toBe('socket:[7]');
  expect(await system.list(join(folder, 'c'))).toEqual([]);
  expect(await system.readText(join(folder, 'c'))).toBeNull();
  expect(await system.readText(folder)).toBeNull();
  expect(await system.linkOf(join(folder, 'a'))).toBeNull();
});

test.skipIf(process.platform === 'win32')(
  'a program tells its output, its code, or that it is none',
  async () => {
    expect(await system.run('sh', ['-c', 'echo $LC_ALL; echo no >&2; exit 3'])).toEqual({
      code: 3,
      output: 'C\n',
      error: 'no\n',
    });
    expect(await system.run('echo', ['yes'])).toMatchObject({ code: 0, output: 'yes\n' });
    expect(await system.run('lanpost-no-such-program', [])).toBeNull();
  },
);

test.skipIf(process.platform === 'win32')('one that takes too long is ended', async () => {
  expect(await system.run('sleep', ['60'])).toMatchObject({ code: null });
});

test('who came by sudo is known, unless the state folder was given', () => {
  const isRoot = process.getuid?.() === 0;
  const sudoUser = (more: object): string | null =>
    systemOfProcess({ SUDO_UID: '1000', SUDO_USER: 'ann', ...more }).sudoUser;
  expect(sudoUser({})).toBe(isRoot ? 'ann' : null);
  expect(sudoUser({ LANPOST_HOME: '/home/ann/.local/state/lanpost' })).toBeNull();
  expect(sudoUser({ SUDO_UID: '0', SUDO_USER: 'root' })).toBeNull();
  expect(systemOfProcess({}).sudoUser).toBeNull();
});
