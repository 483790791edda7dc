import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pinServer, readKnownPeers } from '#sharing/identity/known.js';
import { lock } from '#sharing/storage/lock.js';
import { judgeServer } from '#sharing/identity/trust.js';
import { temporaryFolder } from '../../../support/temporary.js';

const [amber, basil, own] = ['A'.repeat(52), 'B'.repeat(52), '0'.repeat(52)];
const since = '2026-11-20T19:22:00.000Z';
const now = new Date(since);
const peer = { id: amber, name: 'amber', rights: ['read'], how: 'id', since };

async function stateWith(file?: unknown): Promise<string> {
  const folder = await temporaryFolder();
  if (file !== undefined) {
    const text = typeof file === 'string' ? file : JSON.stringify(file);
    await writeFile(join(folder, 'peers.json'), text, { mode: 0o600 });
  }
  return folder;
}

describe('known peers', () => {
  test('none before the first', async () => {
    const known = await readKnownPeers(await stateWith());
    expect(known.peers).toEqual([]);
    expect(known.byId(amber)).toBeUndefined();
  });

  test('are found by id and by name', async () => {
    const known = await readKnownPeers(await stateWith({ version: 1, peers: [peer], pins: [] }));
    expect(known.byId(amber)).toEqual(peer);
    expect(known.byName('amber')).toEqual(peer);
    expect(known.byName('Amber')).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['an empty file', ''],
    ['half a file', '{"version":1,"peers":['],
    ['another version', { version: 2, peers: [], pins: [] }],
    ['an unknown key', { version: 1, peers: [], pins: [], more: 1 }],
    ['a peer without an id', { version: 1, peers: [{ ...peer, id: 'x' }], pins: [] }],
    ['an unknown right', { version: 1, peers: [{ ...peer, rights: ['all'] }], pins: [] }],
  ])('%s is damaged, not empty', async (_, file) => {
    await expect(readKnownPeers(await stateWith(file))).rejects.toMatchObject({
      code: 'state-damaged',
    });
  });

  test.runIf(process.platform !== 'win32')('a list that others may read is refused', async () => {
    const folder = await stateWith({ version: 1, peers: [], pins: [] });
    await chmod(join(folder, 'peers.json'), 0o644);
    await expect(readKnownPeers(folder)).rejects.toMatchObject({ code: 'state-not-private' });
  });

  test('pins are kept beside the peers, each once, by many at the same time', async () => {
    const folder = await stateWith({ version: 1, peers: [peer], pins: [] });
    const places = Array.from({ length: 8 }, (_, index) => `10.0.0.${index}:30001`);
    await Promise.all([...places, ...places].map((place) => pinServer(folder, place, basil, now)));
    const known = await readKnownPeers(folder);
    expect(known.peers).toEqual([peer]);
    for (const place of places) expect(known.pinned(place)).toBe(basil);
    expect(await readdir(folder)).toEqual(['peers.json']);
    const { pins } = JSON.parse(await readFile(join(folder, 'peers.json'), 'utf8')) as {
      pins: unknown[];
    };
    expect(pins).toHaveLength(8);
  });

  test('a lock that a crash left does not last', async () => {
    const folder = await stateWith();
    await writeFile(join(folder, 'peers.json.lock'), '2147483646');
    await pinServer(folder, 'x:1', basil, now);
    expect((await readKnownPeers(folder)).pinned('x:1')).toBe(basil);
  });

  test.runIf(process.platform === 'linux')(
    'nor does one whose process number another process has by now',
    async () => {
      const folder = await stateWith();
      const place = join(folder, 'peers.json.lock');
      const held = await lock(place);
      const text = await readFile(place, 'utf8');
      await held[Symbol.asyncDispose]();
      await writeFile(place, text.replace(/^(\d+) \d+/, '$1 1'));
      await pinServer(folder, 'x:1', basil, now);
      expect((await readKnownPeers(folder)).pinned('x:1')).toBe(basil);
    },
  );

  test('a lock whose process runs is kept to, and named', async () => {
    const folder = await stateWith();
    await using _held = await lock(join(folder, 'peers.json.lock'));
    await expect(pinServer(folder, 'x:1', basil, now)).rejects.toMatchObject({
      code: 'state-busy',
      message: expect.stringMatching(/ is held by process \d+$/) as string,
    });
  });
});

describe('trust', () => {
  async function judge(serverId: string, expectedId?: string) {
    const folder = await stateWith({
      version: 1,
      peers: [peer],
      pins: [{ place: '10.0.0.9:30001', id: basil, since }],
    });
    const known = await readKnownPeers(folder);
    return judgeServer({ serverId, ownId: own, expectedId, place: '10.0.0.9:30001' }, known);
  }

  test('is a matter of the key alone', async () => {
    expect(await judge(own)).toEqual({ kind: 'self' });
    expect(await judge(amber)).toEqual({ kind: 'known', name: 'amber' });
    expect(await judge(basil)).toEqual({ kind: 'stranger' });
    expect(await judge(amber, amber)).toEqual({ kind: 'known', name: 'amber' });
  });

  test.each([
    ['a name that stands for another key', basil, amber],
    ['our own key under a name that is not ours', own, amber],
    ['an open server whose key changed', 'C'.repeat(52), undefined],
  ])('%s is a stop', async (_, shown, expected) => {
    await expect(judge(shown, expected)).rejects.toMatchObject({
      code: 'key-changed',
      facts: { shown },
    });
  });
});
