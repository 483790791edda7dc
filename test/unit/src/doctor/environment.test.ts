import { expect, test } from 'vitest';
import { readEnvironment } from '#src/doctor/environment.js';
import { fakeSystem, type Told } from './fake-system.js';

test.each<[string, Told, { wsl: boolean; container: boolean }]>([
  [
    'a plain machine',
    { files: { '/proc/1/cgroup': '0::/init.scope\n' } },
    { wsl: false, container: false },
  ],
  ['Docker', { files: { '/.dockerenv': '' } }, { wsl: false, container: true }],
  ['Podman', { files: { '/run/.containerenv': '' } }, { wsl: false, container: true }],
  [
    'Kubernetes',
    { files: { '/proc/1/cgroup': '0::/kubepods/pod1\n' } },
    { wsl: false, container: true },
  ],
  [
    'WSL 2',
    { system: { release: '5.15.90.1-microsoft-standard-WSL2' } },
    { wsl: true, container: false },
  ],
  [
    'Windows',
    { system: { platform: 'win32', release: '10.0.1-Microsoft' } },
    { wsl: false, container: false },
  ],
])('%s', async (_, told, wanted) => {
  expect(await readEnvironment(fakeSystem(told))).toMatchObject(wanted);
});
