import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustEqual, randomFile } from '../content.js';
import { get, lanpost, serve } from '../lanpost.js';
import type { Peers } from '../peers/peers.js';
import { race } from '../race.js';
import { timesAsFast, type Row } from '../table.js';
import { mebibyte, type World } from '../world.js';

const folder = 'small';
const names = Array.from({ length: 200 }, (_, n) => `${String(n).padStart(3, '0')}.bin`);

/** Rows 7 and 8: small files, one by one. */
export async function small(world: World, peers: Peers): Promise<readonly Row[]> {
  const source = join(world.source, folder);
  await mkdir(source);
  for (const name of names) randomFile(join(source, name), 4096);
  await using server = await serve(world, world.source);
  try {
    return [
      ...(await inOneSession(world, peers, server.port)),
      ...(await inOneShot(world, peers, server.port)),
    ];
  } finally {
    await rm(source, { recursive: true });
  }
}

async function inOneSession(world: World, peers: Peers, port: number): Promise<readonly Row[]> {
  const source = join(world.source, folder);
  const batch = join(world.tools, 'batch');
  const gets = (prefix: string, suffix: string): string =>
    names.map((name) => `get ${prefix}/${name}${suffix}\n`).join('');
  await writeFile(batch, gets(source, ` ${world.arriving}/`));
  const input = `connect 127.0.0.1 ${port}\n${gets(folder, '')}bye\n`;
  const arrived = (prefix: string) => async (): Promise<void> => {
    for (const name of names) {
      await mustEqual(join(source, name), join(world.arriving, `${prefix}${name}`));
    }
  };
  return race(world, {
    work: '200 gets of 4 KiB in one session',
    bytes: mebibyte,
    own: {
      name: 'lanpost',
      command: () => lanpost(world, ['--client-directory', world.arriving], { input }),
      check: arrived('new_'),
    },
    rivals: [
      {
        number: 7,
        name: 'sftp -b',
        goal: timesAsFast(2.5),
        command: async () => (await peers.ssh()).sftp(batch),
        check: arrived(''),
      },
    ],
  });
}

async function inOneShot(world: World, peers: Peers, port: number): Promise<readonly Row[]> {
  const path = `${folder}/000.bin`;
  const source = join(world.source, path);
  const target = join(world.arriving, '000.bin');
  return race(world, {
    work: 'get one file of 4 KiB in one shot',
    bytes: mebibyte,
    own: {
      name: 'lanpost',
      command: () => get(world, port, path),
      check: () => mustEqual(source, join(world.arriving, 'new_000.bin')),
    },
    rivals: [
      {
        number: 8,
        name: 'scp',
        goal: timesAsFast(2),
        command: async () => {
          const ssh = await peers.ssh();
          return ssh.scp(ssh.far(source), target);
        },
        check: () => mustEqual(source, target),
      },
    ],
  });
}

/** Row 9: what a start costs beyond that of Node itself. */
export async function start(world: World): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const word of ['--version', '--help']) {
    const measured = await race(world, {
      work: word,
      bytes: 0,
      rounds: 5 * world.rounds,
      own: { name: 'lanpost', command: () => lanpost(world, [word]) },
      rivals: [
        {
          number: 9,
          name: 'node -e 0',
          goal: timesAsFast(0.67),
          command: () => ({ words: [world.node, '-e', '0'] }),
        },
      ],
    });
    rows.push(...measured);
  }
  return rows;
}
