import { noteSeen, readSeen } from '#sharing/identity/seen.js';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

const seen = { id: 'A'.repeat(52), name: 'amber', host: '10.0.0.2', port: 30_001, others: [] };

test('a list from before has one way for each', async () => {
  const stateFolder = await temporaryFolder();
  const { others: _, ...before } = seen;
  await writeFile(join(stateFolder, 'seen.json'), JSON.stringify([before]));
  expect(await readSeen(stateFolder)).toEqual([seen]);
});

test('servers that are reached at once are all remembered', async () => {
  const stateFolder = await temporaryFolder();
  const ids = ['A', 'B', 'C', 'D', 'E', 'F'].map((letter) => letter.repeat(52));
  await Promise.all(ids.map((id) => noteSeen(stateFolder, { ...seen, id })));
  const found = (await readSeen(stateFolder)).map(({ id }) => id);
  expect(found.sort()).toEqual(ids);
});

test('where nothing can be written, nothing is remembered, and that is no failure', async () => {
  const stateFolder = join(await temporaryFolder(), 'missing');
  await noteSeen(stateFolder, seen);
  expect(await readSeen(stateFolder)).toEqual([]);
});
