import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, type ClientSession } from '#sharing/client.js';
import { changePeer, readKnownPeers, type Device } from '#sharing/device.js';
import { putOne } from '../support/one-file.js';
import {
  openHonest,
  clientLimits,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { listedNames } from '../support/listed.js';

let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

function come(served: ServedShare, device: Device, code?: string): Promise<ClientSession> {
  return openSession({
    device,
    name: 'basil',
    hosts: ['127.0.0.1'],
    port: served.port,
    ...(code !== undefined && { code }),
    limits: clientLimits,
    now: Date.now,
  });
}

async function firstName(session: ClientSession): Promise<string | undefined> {
  const [name] = await listedNames(session);
  return name;
}

const refusal = async (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'let in',
    (error: unknown) => (error as { code: string }).code,
  );

describe('pairing', () => {
  test('makes two machines known to each other, for ever, by one code', async () => {
    await using served = await serveShare(parties);
    const device = await parties.newcomer();
    expect(await refusal(come(served, device))).toBe('not-known');
    const { code } = served.newCode(1);
    expect(await refusal(come(served, device))).toBe('code-needed');
    const first = await come(served, device, code.toLowerCase().replace('-', ' '));
    expect(first.server).toMatchObject({
      trust: 'paired',
      name: 'served',
      rights: ['read', 'write'],
    });
    expect(await firstName(first)).toBe('plain.txt');
    await first.bye();
    const again = await come(served, device);
    expect(again.server.trust).toBe('known');
    await again.bye();
    const there = (await readKnownPeers(parties.owner.stateFolder)).byId(device.id);
    expect(there).toMatchObject({ name: 'basil', rights: ['read', 'write'], how: 'code' });
    const here = (await readKnownPeers(device.stateFolder)).byId(parties.owner.id);
    expect(here).toMatchObject({ name: 'served', rights: [], how: 'code' });
  });

  test('a code is good once; a second machine of the same name gets a number', async () => {
    await using served = await serveShare(parties);
    const { code } = served.newCode(1);
    const [one, two] = [await parties.newcomer(), await parties.newcomer()];
    await (await come(served, one, code)).bye();
    expect(await refusal(come(served, two, code))).toBe('not-known');
    await (await come(served, two, served.newCode(1).code)).bye();
    const known = await readKnownPeers(parties.owner.stateFolder);
    expect(known.byId(one.id)?.name).not.toBe(known.byId(two.id)?.name);
  });

  test('a wrong code stores nothing on either side', async () => {
    await using served = await serveShare(parties);
    served.newCode(1);
    const device = await parties.newcomer();
    expect(await refusal(come(served, device, '00000000'))).toBe('wrong-code');
    expect(await refusal(come(served, device, 'no code'))).toBe('wrong-code');
    expect((await readKnownPeers(parties.owner.stateFolder)).byId(device.id)).toBeUndefined();
    expect((await readKnownPeers(device.stateFolder)).peers).toEqual([]);
  });

  test('again gives a machine what it has, for this session too, under the name that we gave it', async () => {
    await using served = await serveShare(parties);
    const device = await parties.newcomer();
    await (await come(served, device, served.newCode(1).code)).bye();
    const rights = ['read', 'replace'] as const;
    await changePeer(parties.owner.stateFolder, device.id, {
      name: 'kitchen',
      rights: [...rights],
    });
    await using again = await come(served, device, served.newCode(1).code);
    expect(new Set(again.server.rights)).toEqual(new Set(['read', 'write', 'replace']));
    const came = served.events.filter(({ event }) => event === 'client-in').at(-1);
    expect(came).toMatchObject({ name: 'kitchen', as: 'peer', rights: again.server.rights });
  });

  test('leaves nobody less than a stranger has', async () => {
    const options = { open: 'rw', pairRights: ['read'] } as const;
    await using served = await serveShare(parties, {}, options);
    await using session = await come(served, await parties.newcomer(), served.newCode(1).code);
    expect(session.server).toMatchObject({ trust: 'paired', rights: ['read', 'write'] });
  });

  test('of 50 guesses at once at most 5 are judged, and the code survives for its owner', async () => {
    const shown: (string | undefined)[] = [];
    await using served = await serveShare(
      parties,
      {},
      { onCode: (code) => shown.push(code?.code) },
    );
    const { code } = served.newCode(1);
    const guesser = await parties.newcomer();
    const guesses = Array.from({ length: 50 }, () => refusal(come(served, guesser, '00000000')));
    const outcomes = await Promise.all(guesses);
    const judged = outcomes.filter((outcome) => outcome === 'wrong-code').length;
    expect(judged).toBeGreaterThan(0);
    expect(judged).toBeLessThanOrEqual(5);
    expect(outcomes).not.toContain('let in');
    // Its owner was told of no end of it.
    expect(shown).toEqual([code]);
  });

  test('only the owner may ask for a code', async () => {
    await using served = await serveShare(parties);
    const owner = await come(served, parties.owner);
    served.newCode(30);
    const { code, expires, voids } = await owner.newCode(1);
    expect(expires).toBeGreaterThan(Date.now());
    expect(voids).toBe(30);
    await owner.bye();
    const device = await parties.newcomer();
    const session = await come(served, device, code);
    await expect(session.newCode(1)).rejects.toMatchObject({ code: 'no-right' });
    await session.bye();
  });

  test('the code is in no event, and in no file of either state', async () => {
    await using served = await serveShare(parties);
    const { code } = served.newCode(1);
    const device = await parties.newcomer();
    await (await come(served, device, code)).bye();
    const secrets = [code, code.replace('-', '')];
    const texts = [JSON.stringify(served.events)];
    for (const folder of [device.stateFolder, parties.owner.stateFolder]) {
      for (const name of await readdir(folder))
        texts.push(await readFile(join(folder, name), 'utf8'));
    }
    for (const secret of secrets) for (const text of texts) expect(text).not.toContain(secret);
  });
});

describe('rights', () => {
  test('that are taken away end the session at once; what was under way ends too', async () => {
    await using served = await serveShare(parties);
    const device = await parties.newcomer();
    const session = await come(served, device, served.newCode(1).code);
    await changePeer(parties.owner.stateFolder, device.id, { rights: ['read'] });
    expect((await session.closed)?.code).toBe('no-right');
    const narrowed = await come(served, device);
    expect(narrowed.server.rights).toEqual(['read']);
    await changePeer(parties.owner.stateFolder, device.id, undefined);
    expect((await narrowed.closed)?.code).toBe('no-right');
    expect(await refusal(come(served, device))).toBe('not-known');
  });

  test('that are given count in the session that is there, and can be taken away again', async () => {
    await using served = await serveShare(parties, {}, { pairRights: ['read'] });
    const device = await parties.newcomer();
    const session = await come(served, device, served.newCode(1).code);
    const put = (): Promise<unknown> => putOne(session, join(served.received, '..', 'note.txt'));
    await expect(put()).rejects.toMatchObject({ code: 'no-right' });
    await changePeer(parties.owner.stateFolder, device.id, { rights: ['read', 'write'] });
    await expect.poll(() => put().then(() => 'stored', String)).toBe('stored');
    await using owner = await openHonest(parties.owner, served.port);
    const { rows } = await owner.status();
    expect(rows.clients).toMatchObject([{ id: device.id, rights: ['read', 'write'] }]);
    await changePeer(parties.owner.stateFolder, device.id, { rights: ['read'] });
    expect((await session.closed)?.code).toBe('no-right');
  });

  test('of the list are what counts, however open the door is', async () => {
    const near = { open: 'read' as const };
    await using open = await serveShare(parties, {}, near);
    const device = await parties.newcomer();
    const session = await come(open, device, open.newCode(1).code);
    await changePeer(parties.owner.stateFolder, device.id, undefined);
    expect((await session.closed)?.code).toBe('no-right');
    const again = await come(open, device);
    expect(again.server).toMatchObject({ trust: 'known', rights: ['read'] });
    await again.bye();
    await using far = await serveShare(parties, {}, { ...near, isNearby: () => false });
    const away = await parties.newcomer();
    const there = await come(far, away, far.newCode(1).code);
    await changePeer(parties.owner.stateFolder, away.id, undefined);
    expect((await there.closed)?.code).toBe('no-right');
    expect(await refusal(come(far, away))).toBe('not-known');
  });

  test('of others are not touched, nor is a change of name', async () => {
    await using served = await serveShare(parties);
    const [one, two] = [await parties.newcomer(), await parties.newcomer()];
    const staying = await come(served, one, served.newCode(1).code);
    const going = await come(served, two, served.newCode(1).code);
    await changePeer(parties.owner.stateFolder, one.id, { name: 'attic' });
    await changePeer(parties.owner.stateFolder, two.id, undefined);
    await going.closed;
    expect(await firstName(staying)).toBe('plain.txt');
    await staying.bye();
  });
});
