import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustEqual, randomTree } from '../content.js';
import { get, put, serve } from '../lanpost.js';
import type { Peers } from '../peers/peers.js';
import { race } from '../race.js';
import { timesAsFast, type Row } from '../table.js';
import type { World } from '../world.js';

const name = 'tree';

/** Rows 5 and 6: many small files in folders, both ways. */
export async function tree(world: World, peers: Peers): Promise<readonly Row[]> {
  const count = world.scaled(10_000, 2000);
  const source = join(world.source, name);
  await randomTree(source, count);
  try {
    return [...(await getIt(world, peers, count)), ...(await putIt(world, peers, count))];
  } finally {
    await rm(source, { recursive: true });
  }
}

async function getIt(world: World, peers: Peers, count: number): Promise<readonly Row[]> {
  const source = join(world.source, name);
  const target = join(world.arriving, name);
  const check = (): Promise<void> => mustEqual(source, target);
  await using server = await serve(world, world.source);
  return await race(world, {
    work: `get ${count} files of 4 KiB in 100 folders`,
    bytes: count * 4096,
    own: {
      name: 'lanpost',
      command: () => get(world, server.port, name),
      check: () => mustEqual(source, join(world.arriving, `new_${name}`)),
    },
    rivals: [
      {
        number: 5,
        name: 'rsync -a over ssh',
        goal: timesAsFast(1.6),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.rsync(ssh.far(source), world.arriving);
        },
        check,
      },
      {
        number: 5,
        name: 'rsync daemon (no encryption)',
        goal: timesAsFast(1),
        command: async () => (await peers.rsync()).get(name, world.arriving),
        check,
      },
      {
        number: 5,
        name: 'scp -r',
        goal: timesAsFast(10),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.scp(ssh.far(source), world.arriving);
        },
        check,
      },
    ],
  });
}

async function putIt(world: World, peers: Peers, count: number): Promise<readonly Row[]> {
  const source = join(world.source, name);
  await using server = await serve(world, world.arriving);
  return await race(world, {
    work: `put ${count} files of 4 KiB in 100 folders`,
    bytes: count * 4096,
    own: {
      name: 'lanpost',
      command: () => put(world, server.port, name),
      check: () => mustEqual(source, join(world.arriving, `new_${name}`)),
    },
    rivals: [
      {
        number: 6,
        name: 'rsync -a over ssh',
        goal: timesAsFast(1.4),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.rsync(source, ssh.far(world.arriving));
        },
        check: () => mustEqual(source, join(world.arriving, name)),
      },
    ],
  });
}
