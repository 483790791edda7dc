import { shortId } from '#sharing/id.js';
import { changePeer } from '#sharing/device.js';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialHostile, enter, hello } from '../support/hostile-peer.js';
import { getOne, putOne } from '../support/one-file.js';
import { makeTree } from '../support/trees.js';
import {
  befriend,
  eventually,
  expectOutsideUntouched,
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { listedNames } from '../support/listed.js';

let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
  await befriend(parties.peer, parties.owner);
});

afterAll(() => parties[Symbol.asyncDispose]());

const note = ({ received }: ServedShare): string => join(received, '..', 'note.txt');
const into = ({ received }: ServedShare) => ({ folder: received, receivedPrefix: 'new_' });

describe('read-only', () => {
  test('nobody may write, the owner neither; reading goes on', async () => {
    await using served = await serveShare(parties, {}, { mode: 'read-only' });
    for (const device of [parties.owner, parties.peer]) {
      await using session = await openHonest(device, served.port);
      expect(session.server.rights).toEqual(['read']);
      await expect(putOne(session, note(served))).rejects.toMatchObject({ code: 'no-right' });
      expect(await listedNames(session)).toEqual(['plain.txt']);
    }
    expect(await readdir(served.folder)).toEqual(['plain.txt']);
  });
});

describe('an inbox', () => {
  test('takes the files of each machine into a folder of its own, and shows none', async () => {
    await using served = await serveShare(parties, {}, { mode: 'inbox', open: 'rw' });
    const own = `peer ${shortId(parties.peer.id)}`;
    const strangers = `unverified ${shortId(parties.stranger.id)}`;
    for (const device of [parties.peer, parties.stranger]) {
      await using session = await openHonest(device, served.port);
      expect(session.server.rights).toEqual(['write']);
      const { as } = await putOne(session, note(served));
      // Nothing of the folder it lies in: a client learns no more than it said.
      expect(as).toBe('new_note.txt');
      expect(await putOne(session, note(served))).toMatchObject({ outcome: 'identical' });
      for (const work of [
        listedNames(session),
        listedNames(session, own),
        getOne(session, 'plain.txt', into(served)),
        getOne(session, `${own}/new_note.txt`, into(served)),
      ]) {
        await expect(work).rejects.toMatchObject({ code: 'no-right' });
      }
    }
    expect((await readdir(served.folder)).sort()).toEqual([own, 'plain.txt', strangers].sort());
    await using owner = await openHonest(parties.owner, served.port);
    expect(await listedNames(owner, own)).toEqual(['new_note.txt']);
    await putOne(owner, note(served));
    expect(await readdir(served.folder)).toContain('new_note.txt');
    await owner.bye();
    await expectOutsideUntouched(served);
  });

  test('says nothing of what others brought: the same name and content is no "identical"', async () => {
    await using served = await serveShare(parties, {}, { mode: 'inbox', open: 'rw' });
    await writeFile(join(served.folder, 'new_note.txt'), await readFile(note(served)));
    await using session = await openHonest(parties.stranger, served.port);
    expect(await putOne(session, note(served))).toMatchObject({ outcome: 'stored' });
  });

  test('whose folder was made a link takes nothing through it', async () => {
    await using served = await serveShare(parties, {}, { mode: 'inbox' });
    await symlink(served.outside, join(served.folder, `peer ${shortId(parties.peer.id)}`));
    await using session = await openHonest(parties.peer, served.port);
    await expect(putOne(session, note(served))).rejects.toMatchObject({ name: 'SharingError' });
    await expectOutsideUntouched(served);
  });

  test('a peer that only reads is not let in', async () => {
    await using served = await serveShare(parties, {}, { mode: 'inbox' });
    const { stateFolder } = parties.owner;
    await changePeer(stateFolder, parties.peer.id, { rights: ['read'] });
    await expect(openHonest(parties.peer, served.port)).rejects.toMatchObject({ code: 'no-right' });
    await changePeer(stateFolder, parties.peer.id, { rights: ['read', 'write'] });
  });
});

describe('shutdown', () => {
  test('is for the owner', async () => {
    let asked = 0;
    await using served = await serveShare(parties, {}, { onShutdown: () => (asked += 1) });
    await using peer = await openHonest(parties.peer, served.port);
    await expect(peer.shutdown()).rejects.toMatchObject({ code: 'no-right' });
    expect(asked).toBe(0);
    expect(await listedNames(peer)).toEqual(['plain.txt']);
  });

  test('lets what is under way end, and takes nobody new', async () => {
    let wind: Promise<void> | undefined;
    const options = { onShutdown: () => (wind = served.windDown()) };
    await using served: ServedShare = await serveShare(parties, {}, options);
    const slow = await enter(served.port, parties.peer);
    slow.say({ t: 'get', id: 1, path: 'plain.txt' });
    await slow.hear('offer');
    const idle = await openHonest(parties.peer, served.port);
    await using owner = await openHonest(parties.owner, served.port);
    await owner.shutdown();
    expect((await idle.closed)?.code).toBe('shutting-down');
    await expect(openHonest(parties.peer, served.port)).rejects.toMatchObject({
      code: 'connection-refused',
    });
    slow.say({ t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false });
    await slow.hear('end');
    slow.say({ t: 'got', id: 1, file: 0, chunk: 0 });
    const receipt = { t: 'receipt', id: 1, file: 0, as: 'x', size: 2000 };
    slow.say({ ...receipt, digest: `blake3:${'0'.repeat(64)}` });
    expect(await slow.hear('error')).toMatchObject({ code: 'shutting-down' });
    await wind;
    await slow.farewell();
  });
});

describe('replacing', () => {
  test('needs the right, which pairing alone does not give', async () => {
    await using served = await serveShare(parties);
    await writeFile(join(served.folder, 'new_note.txt'), 'theirs\n');
    await using peer = await openHonest(parties.peer, served.port);
    for (const policy of ['overwrite', 'update'] as const) {
      await expect(putOne(peer, note(served), { policy })).rejects.toMatchObject({
        code: 'no-right',
      });
    }
    expect(await putOne(peer, note(served), { policy: 'skip' })).toMatchObject({
      outcome: 'skipped',
    });
    expect(await readFile(join(served.folder, 'new_note.txt'), 'utf8')).toBe('theirs\n');
    await using owner = await openHonest(parties.owner, served.port);
    expect(await putOne(owner, note(served), { policy: 'overwrite' })).toMatchObject({
      outcome: 'stored',
      as: 'new_note.txt',
    });
    expect(await readFile(join(served.folder, 'new_note.txt'), 'utf8')).toBe('a note\n');
  });
});

describe('one peer', () => {
  test('may not have more at once by coming several times', async () => {
    await using served = await serveShare(parties, { maxTransfersPerClient: 2 });
    const [first, second] = [
      await enter(served.port, parties.peer),
      await enter(served.port, parties.peer),
    ];
    for (const id of [1, 2]) first.say({ t: 'get', id, path: 'plain.txt' });
    await first.hear('offer');
    await first.hear('offer');
    second.say({ t: 'get', id: 1, path: 'plain.txt' });
    expect(await second.hear('error')).toMatchObject({ code: 'too-many-transfers' });
    await using other = await openHonest(parties.owner, served.port);
    expect(await listedNames(other)).toEqual(['plain.txt']);
    await first[Symbol.asyncDispose]();
    await eventually('the first is gone', () =>
      served.events.some(({ event }) => event === 'client-out'),
    );
    second.say({ t: 'get', id: 2, path: 'plain.txt' });
    await second.hear('offer');
    await second[Symbol.asyncDispose]();
  });
});

test('strangers together hold only so much, and nobody who is known waits for them', async () => {
  const limits = { maxTransfersPerClient: 100, maxClientsPerAddress: 100 };
  await using served = await serveShare(parties, limits, { open: 'rw' });
  const strangers = [];
  for (let n = 0; n < 2; n += 1) strangers.push(await enter(served.port, parties.stranger));
  for (const one of strangers) {
    for (let id = 1; id <= 32; id += 1) {
      one.say({ t: 'get', id, path: 'plain.txt' });
      await one.hear('offer');
    }
  }
  strangers[0]!.say({ t: 'get', id: 33, path: 'plain.txt' });
  expect(await strangers[0]!.hear('error')).toMatchObject({ code: 'too-many-transfers' });
  await using session = await openHonest(parties.peer, served.port);
  expect(await getOne(session, 'plain.txt', into(served))).toMatchObject({ outcome: 'received' });
  for (const one of strangers) await one[Symbol.asyncDispose]();
});

test('who is not let in makes room for who comes', async () => {
  await using served = await serveShare(parties, { maxStrangers: 6, helloTime: 60_000 });
  const strangers = [];
  for (let n = 0; n < 6; n += 1) strangers.push(await dialHostile(served.port, parties.stranger));
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let n = 0; n < 4; n += 1) {
    await using session = await openHonest(parties.peer, served.port);
    expect(await listedNames(session)).toEqual(['plain.txt']);
  }
  const reasons = served.events.flatMap((one) => (one.event === 'turned-away' ? [one.reason] : []));
  expect(new Set(reasons)).toEqual(new Set(['too-many-strangers']));
  for (const one of strangers) {
    one.say(hello);
    await one[Symbol.asyncDispose]();
  }
});

describe('the quota', () => {
  test('stops a peer before a byte moves, file or folder, and nobody else', async () => {
    await using served = await serveShare(parties, { quota: 100_000 });
    const at = (name: string): string => join(served.received, name);
    await writeFile(at('first.bin'), Buffer.alloc(60_000));
    await writeFile(at('second.bin'), Buffer.alloc(50_000));
    await makeTree(at('folder'), { 'a.bin': Buffer.alloc(30_000), 'b.bin': Buffer.alloc(30_000) });
    await using peer = await openHonest(parties.peer, served.port);
    await putOne(peer, at('first.bin'));
    const over = { code: 'over-quota', facts: { size: 54_096, free: 35_904, limit: 100_000 } };
    await expect(putOne(peer, at('second.bin'))).rejects.toMatchObject(over);
    await expect(putOne(peer, at('folder'))).rejects.toMatchObject({ code: 'over-quota' });
    await using owner = await openHonest(parties.owner, served.port);
    expect(await putOne(owner, at('second.bin'))).toMatchObject({ outcome: 'stored' });
    expect(await putOne(owner, at('folder'))).toMatchObject({ outcome: 'folder', files: 2 });
  });

  test.each([
    ['a share', 'share', 2],
    // The folder that is made for the first counts as one.
    ['an inbox', 'inbox', 1],
  ] as const)('of %s counts files of no bytes, which fill a disk too', async (_, mode, fit) => {
    await using served = await serveShare(parties, { quota: 10_000 }, { mode });
    await using peer = await openHonest(parties.peer, served.port);
    for (let n = 0; n < 3; n += 1) {
      const empty = join(served.received, `empty-${n}`);
      await writeFile(empty, '');
      const put = putOne(peer, empty);
      if (n < fit) expect(await put).toMatchObject({ outcome: 'stored' });
      else await expect(put).rejects.toMatchObject({ code: 'over-quota' });
    }
  });
});
