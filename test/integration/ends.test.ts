import { openSession } from '#sharing/client.js';
import { openDesk } from '#sharing/dialogue/desk.js';
import { changePeer, readKnownPeers, type Device } from '#sharing/device.js';
import { parseCode } from '#sharing/session/code.js';
import { pairAsClient } from '#sharing/session/pairing.js';
import { deviceId } from '#sharing/id.js';
import { exporterOf } from '#sharing/transport/channel.js';
import { dialHostile, enter, hello, saying, type HostilePeer } from '../support/hostile-peer.js';
import { offer, wholeChunk } from '../support/hostile-states.js';
import {
  clientLimits,
  eventually,
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { getOne, putOne } from '../support/one-file.js';

let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

test('a server ends while clients are coming in, and none of them keeps it', async () => {
  for (let round = 0; round < 5; round += 1) {
    const served = await serveShare(parties);
    const coming = Array.from({ length: 6 }, () => openHonest(parties.owner, served.port));
    await Promise.race(coming);
    await served[Symbol.asyncDispose]();
    for (const one of await Promise.allSettled(coming)) {
      if (one.status === 'fulfilled') expect((await one.value.closed)?.code).toBeDefined();
    }
  }
});

test('a client that pairs and is gone before the last word takes no place', async () => {
  await using served = await serveShare(parties, { maxClientsPerAddress: 2 });
  for (let n = 0; n < 3; n += 1) {
    const device = await parties.newcomer();
    const peer = await proving(served, device);
    peer.socket.destroy();
    await eventually('it has left', () => {
      const { events } = served;
      const of = (what: string): number => events.filter(({ event }) => event === what).length;
      return of('client-out') === of('client-in') && of('client-out') + of('client-gone') > n;
    });
  }
  await using owner = await openHonest(parties.owner, served.port);
  expect(owner.server.trust).toBe('self');
});

/** Says the right proof, and nothing more. */
async function proving(served: ServedShare, device: Device): Promise<HostilePeer> {
  const code = parseCode(served.newCode(1).code) ?? '';
  const peer = await dialHostile(served.port, device);
  peer.say(hello);
  await peer.hear('pair');
  const serverId = deviceId(peer.socket.getPeerX509Certificate()!.publicKey);
  const channel = { exporter: exporterOf(peer.socket), clientId: device.id, serverId };
  const pairing = pairAsClient(code, channel);
  peer.say({ t: 'share', share: pairing.share.toString('hex') });
  const { share } = await peer.hear('share');
  const proof = pairing.prove(Buffer.from(share as string, 'hex'));
  peer.say({ t: 'proof', proof: proof.toString('hex') });
  return peer;
}

test('a code that was used is void, and its owner hears of it', async () => {
  const shown: (string | undefined)[] = [];
  await using served = await serveShare(parties, {}, { onCode: (code) => shown.push(code?.code) });
  const { code } = served.newCode(1);
  const device = await parties.newcomer();
  const attempt = openSession({
    device,
    name: 'basil',
    hosts: ['127.0.0.1'],
    port: served.port,
    code,
    limits: clientLimits,
    now: Date.now,
  });
  await (await attempt).bye();
  expect(shown).toEqual([code, undefined]);
});

test('a code that was guessed at too often is void, and its owner hears of it', () => {
  const shown: (string | undefined)[] = [];
  const window = openDesk({
    device: parties.owner,
    pairRights: [],
    onCode: (code) => shown.push(code?.code),
    observe: () => undefined,
    now: Date.now,
  });
  const { code } = window.newCode(1);
  for (let n = 0; n < 20; n += 1) {
    using run = window.window.begin(`10.0.0.${n}`);
    run.reserve();
    window.onJudged();
  }
  expect(shown).toEqual([code, undefined]);
});

test('with a code a machine becomes known to an open server too', async () => {
  await using served = await serveShare(parties, {}, { open: 'read' });
  const { code } = served.newCode(1);
  const device = await parties.newcomer();
  const options = {
    device,
    name: 'basil',
    hosts: ['127.0.0.1'] as const,
    port: served.port,
    limits: clientLimits,
    now: Date.now,
  };
  await using session = await openSession({ ...options, code });
  expect(session.server).toMatchObject({ trust: 'paired', rights: ['read', 'write'] });
});

test.skipIf(process.platform !== 'linux')(
  'a source that fails at the last look ends at once',
  async () => {
    await using served = await serveShare(parties, { maxTransfersPerClient: 2 });
    await using session = await openHonest(parties.owner, served.port);
    for (let n = 0; n < 4; n += 1) {
      await expect(putOne(session, '/proc/version')).rejects.toMatchObject({ code: 'changed' });
    }
    await using proc = await serveShare(
      parties,
      { maxTransfersPerClient: 2 },
      { folder: '/proc/sys/kernel' },
    );
    await using reading = await openHonest(parties.owner, proc.port);
    for (let n = 0; n < 4; n += 1) {
      const into = { folder: served.received, receivedPrefix: 'new_' };
      await expect(getOne(reading, 'ostype', into)).rejects.toMatchObject({ code: 'changed' });
    }
  },
);

test('the owner comes in however full it is', async () => {
  await using served = await serveShare(parties, { maxClients: 1 });
  const first = await enter(served.port, parties.peer);
  await using owner = await openHonest(parties.owner, served.port);
  expect(owner.server.trust).toBe('self');
  await first[Symbol.asyncDispose]();
});

test('a fail that crosses the receipt is late, however late', async () => {
  await using served = await serveShare(parties);
  for (let n = 0; n < 30; n += 1) {
    const peer = await enter(served.port, parties.peer);
    peer.say(offer(`crossing-${n}.txt`));
    await peer.hear('want');
    peer.raw(wholeChunk, saying({ t: 'end', id: 1, file: 0 }));
    await peer.hear('receipt');
    peer.say({ t: 'fail', id: 1, file: 0, code: 'cancelled', message: '' });
    expect(await peer.lives()).toBe(true);
    await peer[Symbol.asyncDispose]();
  }
});

test('a name that is too long does not spoil the list of peers', async () => {
  const { stateFolder } = parties.owner;
  await changePeer(stateFolder, parties.peer.id, { name: 'x'.repeat(100) });
  const { name = '' } = (await readKnownPeers(stateFolder)).byId(parties.peer.id) ?? {};
  expect(name).toBe('x'.repeat(60));
  await changePeer(stateFolder, parties.peer.id, { name: 'peer' });
});
