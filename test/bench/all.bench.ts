import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { micro } from './micro.js';
import { openPeers } from './peers/peers.js';
import { report } from './report.js';
import { bigFile } from './rows/big-file.js';
import { slowLink } from './rows/link.js';
import { manyClients } from './rows/many-clients.js';
import { memory } from './rows/memory.js';
import { slowDisk } from './rows/slow-disk.js';
import { small, start } from './rows/small.js';
import { tree } from './rows/tree.js';
import type { Row } from './table.js';
import { openWorld, type Options } from './world.js';

const sections = [
  { numbers: [1, 2, 3, 4], measure: bigFile },
  { numbers: [5, 6], measure: tree },
  { numbers: [7, 8], measure: small },
  { numbers: [9], measure: start },
  { numbers: [10], measure: memory },
  { numbers: [11], measure: manyClients },
  { numbers: [12], measure: slowLink },
  { numbers: [13], measure: slowDisk },
] as const;

test('the benchmark runs through', async () => {
  const options = JSON.parse(process.env['BENCH_OPTIONS'] ?? 'null') as Options | null;
  if (!options) throw new Error('start it with `npm run bench`');
  const world = await openWorld(options);
  await using peers = openPeers(world);
  const wanted = (number: number): boolean => options.rows.includes(String(number));
  const rows: Row[] = [];
  for (const { numbers, measure } of sections) {
    if (numbers.some(wanted)) rows.push(...(await measure(world, peers)));
  }
  const parts = options.rows.includes('micro') ? await micro(world) : [];
  await writeFile(join(options.folder, 'report.md'), report(world, rows, parts, new Date()));
  expect(rows.filter(({ result }) => result.kind === 'failed')).toEqual([]);
});
