import { statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { openRoom, openSharedRoom } from '#sharing/storage/room.js';

const path = tmpdir();
const { dev: device } = statSync(path, { bigint: true });
const place = { device, self: () => Promise.resolve(path) };
const { bavail, bsize } = statfsSync(path);
const free = bavail * bsize;
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

test('what two callers ask for at once is counted once each', async () => {
  const room = openRoom({ keepFree: 0, maxFileSize: free });
  const most = Math.floor(free * 0.6);
  const both = await Promise.allSettled([room.reserve(place, most), room.reserve(place, most)]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('what is given back can be had again, what was written stays counted by the disk', async () => {
  const room = openRoom({ keepFree: 0, maxFileSize: free });
  const most = Math.floor(free * 0.6);
  const first = await room.reserve(place, most);
  await expect(room.reserve(place, most)).rejects.toThrow(code('no-room'));
  first.written(Math.floor(most / 2));
  first.release();
  first.release();
  await expect(room.reserve(place, most)).resolves.toBeDefined();
});

test('strangers together set aside half of what is free, and leave the rest to others', async () => {
  const room = openSharedRoom({ keepFree: 0, maxFileSize: free, quota: free });
  const third = Math.floor(free / 3);
  const held = await room.forStrangers.reserve(place, third);
  await expect(room.forStrangers.reserve(place, third)).rejects.toThrow(code('no-room'));
  const known = await room.forPeer('a').reserve(place, third);
  held.release();
  await expect(room.forStrangers.reserve(place, third)).resolves.toBeDefined();
  known.release();
});

test('the limits are told with their numbers, before anything is written', async () => {
  const keepFree = Math.floor(Number.MAX_SAFE_INTEGER / 2);
  const room = openRoom({ keepFree, maxFileSize: 1000 });
  const tooLarge = { code: 'file-too-large', facts: { size: 1001, limit: 1000 } };
  expect(() => {
    room.mustAllow(1001);
  }).toThrow(expect.objectContaining(tooLarge) as Error);
  room.mustAllow(1000);
  const full = { code: 'no-room', facts: { size: 1000, free: 0, limit: keepFree } };
  await expect(room.reserve(place, 1000)).rejects.toMatchObject(full);
  await expect(room.reserve(place, 0)).resolves.toBeDefined();
});

describe('the quota', () => {
  const open = () => openSharedRoom({ keepFree: 0, maxFileSize: free, quota: 1000 });

  test('counts what a peer brought and what it is about to bring, each peer by itself', async () => {
    const room = open();
    const first = await room.forPeer('a').reserve(place, 600);
    const over = { code: 'over-quota', facts: { size: 401, free: 400, limit: 1000 } };
    await expect(room.forPeer('a').reserve(place, 401)).rejects.toMatchObject(over);
    first.written(600);
    first.release();
    await expect(room.forPeer('a').reserve(place, 401)).rejects.toMatchObject(over);
    await expect(room.forPeer('a').reserve(place, 400)).resolves.toBeDefined();
    await expect(room.forPeer('b').reserve(place, 1000)).resolves.toBeDefined();
    await expect(room.forOwner.reserve(place, 5000)).resolves.toBeDefined();
  });

  test('gives back what was not needed, and what was taken away again', async () => {
    const peer = open().forPeer('a');
    const reservation = await peer.reserve(place, 1000);
    reservation.spare(300);
    reservation.written(300);
    reservation.release();
    await expect(peer.reserve(place, 701)).rejects.toThrow(code('over-quota'));
    reservation.undo();
    await expect(peer.reserve(place, 1000)).resolves.toBeDefined();
  });

  test('is one for all strangers', async () => {
    const room = open();
    await room.forStrangers.reserve(place, 1000);
    await expect(room.forStrangers.reserve(place, 1)).rejects.toThrow(code('over-quota'));
  });
});
