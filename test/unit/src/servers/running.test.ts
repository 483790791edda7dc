import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { announceRunning, readRunning } from '#src/servers/running.js';
import { temporaryFolder } from '../../../support/temporary.js';

let stateFolder = '';

beforeEach(async () => {
  stateFolder = await temporaryFolder();
});

const amber = { pid: 71, name: 'amber', port: 30_001, udpPort: 30_000, folder: '/srv/share' };
const everybody = (): boolean => true;

test('no folder: nobody runs', async () => {
  expect(await readRunning(stateFolder, everybody)).toEqual([]);
});

test('a server is found until it ends', async () => {
  const first = await announceRunning(stateFolder, amber);
  const second = await announceRunning(stateFolder, { ...amber, pid: 72, port: 30_002 });
  const found = await readRunning(stateFolder, everybody);
  expect(found.map(({ pid }) => pid).sort()).toEqual([71, 72]);
  expect(found).toContainEqual(amber);
  await second[Symbol.asyncDispose]();
  expect(await readRunning(stateFolder, everybody)).toEqual([amber]);
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  expect(await readdir(join(stateFolder, 'run'))).toEqual([]);
});

test('what a crash left behind is not taken for a server, and goes', async () => {
  await announceRunning(stateFolder, amber);
  expect(await readRunning(stateFolder, (pid) => pid !== 71)).toEqual([]);
  expect(await readdir(join(stateFolder, 'run'))).toEqual([]);
});

test('of two that name one port only the later is a server, whoever has the number of the first', async () => {
  await announceRunning(stateFolder, amber);
  await announceRunning(stateFolder, { ...amber, pid: 72, port: 30_002 });
  const later = { ...amber, pid: 73 };
  await announceRunning(stateFolder, later);
  const found = await readRunning(stateFolder, everybody);
  expect(found.map(({ pid, port }) => [pid, port]).sort()).toEqual([
    [72, 30_002],
    [73, 30_001],
  ]);
});

test('what cannot be read is no server', async () => {
  const folder = join(stateFolder, 'run');
  await mkdir(folder);
  await writeFile(join(folder, '1.json'), '{"pid": 1}');
  await writeFile(join(folder, '2.json'), 'no JSON');
  expect(await readRunning(stateFolder, everybody)).toEqual([]);
});

test.runIf(process.platform !== 'win32')('it is for the owner only', async () => {
  await announceRunning(stateFolder, amber);
  expect((await stat(join(stateFolder, 'run'))).mode & 0o777).toBe(0o700);
  expect((await stat(join(stateFolder, 'run', '71.json'))).mode & 0o777).toBe(0o600);
});
