import { addPeer, pinServer, readKnownPeers } from '#sharing/identity/known.js';
import { shortId } from '#sharing/id.js';
import { run } from '#src/command/peers.js';
import type { Context } from '#src/context.js';
import { explain } from '#src/failure.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

const attic = 'A'.repeat(52);
const loft = `${'B'.repeat(51)}A`;
const newcomer = `${'C'.repeat(51)}A`;

/** A state folder with two known peers and a pin. */
async function open() {
  const stateFolder = await temporaryFolder();
  const now = new Date(0);
  await addPeer(stateFolder, { id: attic, name: 'attic', rights: ['write'], how: 'id' }, now);
  await addPeer(stateFolder, { id: loft, name: 'loft', rights: [], how: 'id' }, now);
  await pinServer(stateFolder, '10.0.0.1:30001', newcomer, now);
  const device = (): Promise<{ id: string }> => Promise.resolve({ id: 'S'.repeat(52) });
  const view = { show: vi.fn(), note: vi.fn() };
  const context = { stateFolder, view, device } as unknown as Context;
  return {
    peers: (...words: readonly string[]) => run(context, { server: undefined, words, options: {} }),
    file: () => readFile(join(stateFolder, 'peers.json'), 'utf8'),
    known: () => readKnownPeers(stateFolder),
  };
}

test.each([
  [['forget', 'attic', 'loft'], '"loft" is one word too many'],
  [['forget', '10.0.0.1:30001', 'loft'], '"loft" is one word too many'],
  [['forget'], 'something is missing'],
  [['forget', ''], 'something is missing'],
  [['rights', 'attic', 'read', 'write'], '"write" is one word too many'],
  [['rights', 'attic'], 'something is missing'],
  [['rename', 'attic', 'new', 'name'], '"name" is one word too many'],
  [['rename', 'attic'], 'something is missing'],
  [['add', newcomer, 'den', 'read', 'write'], '"write" is one word too many'],
  [['add', newcomer], 'something is missing'],
  [['add'], 'something is missing'],
  [['list', 'attic'], '"attic" is one word too many'],
])('peers %j is refused, and changes nothing', async (words, message) => {
  const { peers, file } = await open();
  const before = await file();
  await expect(peers(...words)).rejects.toMatchObject({ code: 'usage', message });
  expect(await file()).toBe(before);
});

test('with as many words as it takes, each does what it says', async () => {
  const { peers, known } = await open();
  await peers();
  await peers('list');
  await peers('add', newcomer, 'the den', 'read,write');
  await peers('rename', 'attic', 'top floor');
  await peers('rights', 'top floor', 'read');
  await peers('forget', 'loft');
  const rows = (await known()).peers.map(({ name, rights }) => [name, rights]);
  expect(rows.sort()).toEqual([
    ['the den', ['read', 'write']],
    ['top floor', ['read']],
  ]);
});

test('a peer is named by its id too, whole or in its short form; a name that nobody has is wrong use', async () => {
  const { peers, known } = await open();
  await peers('rights', shortId(attic), 'read');
  await peers('forget', loft);
  expect((await known()).peers).toMatchObject([{ id: attic, rights: ['read'] }]);
  const error: unknown = await peers('forget', 'lotf').catch((problem: unknown) => problem);
  expect(explain(error)).toMatchObject({ message: 'no peer is called "lotf"', exit: 2 });
});
