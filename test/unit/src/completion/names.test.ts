import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { knownNames } from '#src/completion/names.js';
import { temporaryFolder } from '../../../support/temporary.js';

const [first, second, third] = ['A0', 'B0', 'C0'].map((two) => two.repeat(26));
const since = '2026-11-20T19:22:00.000Z';

async function stateWith(
  peers: readonly (readonly [string, string | undefined])[],
): Promise<string> {
  const folder = join(await temporaryFolder(), 'state');
  await mkdir(folder, { mode: 0o700 });
  const known = {
    version: 1,
    peers: peers.map(([name, id]) => ({ id, name, rights: [], how: 'code', since })),
    pins: [{ place: '192.168.1.20:30001', id: third, since }],
  };
  await writeFile(join(folder, 'peers.json'), JSON.stringify(known), { mode: 0o600 });
  return folder;
}

test('names are those of peers, of servers that were reached, and the places of open ones', async () => {
  const folder = await stateWith([['birch', first]]);
  const seen = [
    { id: first, name: 'birch as it calls itself', host: '192.168.1.5', port: 30_001 },
    { id: second, name: 'amber', host: '192.168.1.6', port: 30_001 },
  ];
  await writeFile(join(folder, 'seen.json'), JSON.stringify(seen));
  expect(await knownNames(folder)).toEqual(['192.168.1.20:30001', 'amber', 'birch']);
});

test.each(['-rf', '--to=all', 'two\nlines', 'e\u001b[2J', 'z\u202ez', ' amber', 'tab\there'])(
  'a name that is no word on a line is not offered: %j',
  async (name) => {
    const folder = await stateWith([[name, first]]);
    expect(await knownNames(folder)).toEqual(['192.168.1.20:30001']);
  },
);

test('where nothing can be read nothing is offered, and nothing is made', async () => {
  const folder = join(await temporaryFolder(), 'none');
  expect(await knownNames(folder)).toEqual([]);
  await mkdir(folder, { mode: 0o700 });
  await writeFile(join(folder, 'peers.json'), '{"version":1,');
  await chmod(join(folder, 'peers.json'), 0o600);
  expect(await knownNames(folder)).toEqual([]);
});
