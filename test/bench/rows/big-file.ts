import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustEqual, randomFile } from '../content.js';
import { get, put, serve } from '../lanpost.js';
import type { Peers } from '../peers/peers.js';
import { race } from '../race.js';
import { timesAsFast, type Row } from '../table.js';
import { gibibyte, mebibyte, type World } from '../world.js';

const fastCipher = 'aes128-gcm@openssh.com';
const name = 'big.bin';

/** Rows 1 to 4: one large file, both ways. */
export async function bigFile(world: World, peers: Peers): Promise<readonly Row[]> {
  const bytes = world.scaled(2 * gibibyte, 256 * mebibyte);
  const source = join(world.source, name);
  randomFile(source, bytes);
  const size = `${bytes / mebibyte} MiB`;
  try {
    return [
      ...(await getIt(world, peers, `get one file of ${size}`, bytes)),
      ...(await putIt(world, peers, `put one file of ${size}`, bytes)),
    ];
  } finally {
    await rm(source);
  }
}

async function getIt(
  world: World,
  peers: Peers,
  work: string,
  bytes: number,
): Promise<readonly Row[]> {
  const source = join(world.source, name);
  const target = join(world.arriving, name);
  const check = (): Promise<void> => mustEqual(source, target);
  await using server = await serve(world, world.source);
  return await race(world, {
    work,
    bytes,
    own: {
      name: 'lanpost',
      command: () => get(world, server.port, name),
      check: () => mustEqual(source, join(world.arriving, `new_${name}`)),
    },
    rivals: [
      {
        number: 1,
        name: 'nginx + curl, https',
        goal: timesAsFast(1, 1.25),
        command: async () => (await peers.nginx()).https(name, target),
        check,
      },
      {
        number: 2,
        name: 'scp, aes128-gcm',
        goal: timesAsFast(1.1, 1.45),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.scp(ssh.far(source), target, fastCipher);
        },
        check,
      },
      {
        number: 2,
        name: 'scp',
        goal: timesAsFast(1.6, 2),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.scp(ssh.far(source), target);
        },
        check,
      },
      {
        number: 3,
        name: 'rsync daemon (no encryption)',
        goal: timesAsFast(0.75, 1),
        command: async () => (await peers.rsync()).get(name, target),
        check,
      },
      {
        number: 3,
        name: 'nginx + curl, http (no encryption)',
        goal: timesAsFast(0.75, 1),
        command: async () => (await peers.nginx()).http(name, target),
        check,
      },
    ],
  });
}

async function putIt(
  world: World,
  peers: Peers,
  work: string,
  bytes: number,
): Promise<readonly Row[]> {
  const source = join(world.source, name);
  const target = join(world.arriving, name);
  await using server = await serve(world, world.arriving);
  return await race(world, {
    work,
    bytes,
    own: {
      name: 'lanpost',
      command: () => put(world, server.port, name),
      check: () => mustEqual(source, join(world.arriving, `new_${name}`)),
    },
    rivals: [
      {
        number: 4,
        name: 'scp, aes128-gcm',
        goal: timesAsFast(1, 1.1),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.scp(source, ssh.far(target), fastCipher);
        },
        check: () => mustEqual(source, target),
      },
    ],
  });
}
