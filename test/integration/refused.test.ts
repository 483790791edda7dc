import { openDevice } from '#sharing/identity/device.js';
import type { SharingEvent } from '#sharing/events.js';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dialHostile, enter, hello } from '../support/hostile-peer.js';
import {
  eventually,
  openHonest,
  openParties,
  serveShare,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';

let parties: Parties;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

type Kind = SharingEvent['event'];

function of<Wanted extends Kind>(
  { events }: ServedShare,
  wanted: Wanted,
): Extract<SharingEvent, { event: Wanted }>[] {
  return events.filter((one) => one.event === wanted) as Extract<SharingEvent, { event: Wanted }>[];
}

async function refusedAt({ port }: ServedShare): Promise<number> {
  await using owner = await openHonest(parties.owner, port);
  return (await owner.status()).refused;
}

test('nobody is refused who is asked for the code and goes to look for it', async () => {
  await using served = await serveShare(parties);
  served.newCode(1);
  const device = await openDevice(join(parties.base, 'states', 'asked'));
  await expect(openHonest(device, served.port)).rejects.toMatchObject({ code: 'code-needed' });
  await eventually('it has left', () => of(served, 'client-asked').length > 0);
  expect(of(served, 'client-asked')).toMatchObject([{ address: '127.0.0.1', id: device.id }]);
  expect(of(served, 'client-refused')).toEqual([]);
  expect(await refusedAt(served)).toBe(0);
});

test('nobody is refused who hangs up before its hello', async () => {
  await using served = await serveShare(parties);
  const peer = await dialHostile(served.port, parties.peer);
  peer.socket.end();
  await eventually('it has left', () => of(served, 'client-gone').length > 0);
  expect(of(served, 'client-gone')).toMatchObject([{ address: '127.0.0.1', id: parties.peer.id }]);
  expect(of(served, 'client-refused')).toEqual([]);
  expect(await refusedAt(served)).toBe(0);
});

test('a lane that comes when its transfer is over is no client that is refused', async () => {
  await using served = await serveShare(parties);
  await using peer = await enter(served.port, parties.peer);
  peer.say({ t: 'get', id: 1, path: 'plain.txt' });
  await peer.hear('offer');
  peer.say({ t: 'lane', id: 1 });
  const { token } = await peer.hear('lane');
  const refusal = { want: 'refused', file: 0, code: 'cancelled', message: '' };
  peer.say({ t: 'want', id: 1, files: [refusal], more: false });
  await eventually('the transfer is over', () => of(served, 'file-failed').length > 0);
  const lane = await dialHostile(served.port, parties.peer);
  lane.say({ ...hello, purpose: 'lane', token });
  expect(await lane.farewell()).toMatchObject([{ t: 'denied', code: 'no-right' }]);
  await delay(50);
  expect(of(served, 'client-refused')).toEqual([]);
  expect(await refusedAt(served)).toBe(0);
});

test('who has to make room in the middle of its handshake is told of once', async () => {
  await using served = await serveShare(parties, { maxStrangers: 1 });
  const slow = connect(served.port, '127.0.0.1');
  slow.on('error', () => undefined);
  // The header of a handshake record that never comes.
  slow.write(Buffer.from([0x16, 3, 1, 1, 0]));
  await delay(300);
  await using peer = await dialHostile(served.port, parties.peer);
  if (!slow.closed) await once(slow, 'close');
  expect(peer.socket.destroyed).toBe(false);
  await delay(50);
  expect(of(served, 'turned-away')).toEqual([
    { event: 'turned-away', address: '127.0.0.1', reason: 'too-many-strangers' },
  ]);
});

test('whose handshake breaks off is told of with its address', async () => {
  await using served = await serveShare(parties);
  const broken = connect(served.port, '127.0.0.1');
  broken.on('error', () => undefined);
  broken.end(Buffer.from([0x16, 3, 1, 1, 0]));
  await eventually('it is told of', () => of(served, 'turned-away').length > 0);
  await delay(50);
  expect(of(served, 'turned-away')).toEqual([
    { event: 'turned-away', address: '127.0.0.1', reason: 'handshake-failed' },
  ]);
});
