import { execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustEqual, randomFile } from '../content.js';
import { lanpost, serve } from '../lanpost.js';
import { startNginx } from '../peers/nginx.js';
import { end, launch, locate, Unavailable } from '../programs.js';
import { problem, race } from '../race.js';
import { timesAsFast, type Row } from '../table.js';
import { mebibyte, type World } from '../world.js';

const name = 'link.bin';
const goal = timesAsFast(0.95);
const addresses = ['10.79.0.1', '10.79.0.2'] as const;

/** Two machines and a cable of 1 Gbit/s; `on` starts a program on the first or the second. */
interface Link extends AsyncDisposable {
  on(machine: 0 | 1): readonly string[];
}

/** Row 12: a link that is slower than both sides is full. */
export async function slowLink(world: World): Promise<readonly Row[]> {
  const bytes = world.scaled(256, 128) * mebibyte;
  const work = `get one file of ${bytes / mebibyte} MiB over a link of 1 Gbit/s`;
  const source = join(world.source, name);
  try {
    await using link = await layCable();
    randomFile(source, bytes);
    return await measure(world, link, work, bytes);
  } catch (error) {
    return [{ number: 12, work, peer: 'nginx + curl, https', goal, result: problem(error) }];
  } finally {
    await rm(source, { force: true });
  }
}

async function measure(
  world: World,
  link: Link,
  work: string,
  bytes: number,
): Promise<readonly Row[]> {
  const source = join(world.source, name);
  const target = join(world.arriving, name);
  // The client is another machine, so it has a key of its own and comes in by the open door.
  const state = join(world.folder, 'guest');
  await mkdir(state, { mode: 0o700, recursive: true });
  const through = link.on(0);
  await using server = await serve(world, world.source, { words: ['--open=read'], through });
  const nginx = startNginx(world, { address: addresses[0], through, clientThrough: link.on(1) });
  const from = `${addresses[0]}:${server.port}`;
  const get = lanpost(world, ['get', from, name, '--client-directory', world.arriving], { state });
  try {
    return await race(world, {
      work,
      bytes,
      own: {
        name: 'lanpost',
        command: () => ({ ...get, words: [...link.on(1), ...get.words] }),
        check: () => mustEqual(source, join(world.arriving, `new_${name}`)),
      },
      rivals: [
        {
          number: 12,
          name: 'nginx + curl, https',
          goal,
          command: async () => (await nginx).https(name, target),
          check: () => mustEqual(source, target),
        },
      ],
    });
  } finally {
    await nginx.then(
      (running) => running[Symbol.asyncDispose](),
      () => undefined,
    );
  }
}

/** Each network lives as long as the process that was started in it. Throws Unavailable without the right to. */
async function layCable(): Promise<Link> {
  if (process.platform !== 'linux') throw new Unavailable('network namespaces need Linux');
  if (process.getuid?.() !== 0) throw new Unavailable('network namespaces need root');
  const [ip, tc, nsenter] = [locate('ip'), locate('tc'), locate('nsenter')];
  const holder = (): ReturnType<typeof launch> =>
    launch(
      { words: [locate('unshare'), '--net', 'sh', '-c', 'echo held; exec sleep infinity'] },
      'pipe',
    );
  const holders = [holder(), holder()];
  const on = (machine: 0 | 1): readonly string[] => [
    nsenter,
    `--net=/proc/${holders[machine]!.pid}/ns/net`,
    '--',
  ];
  const dispose = async (): Promise<void> => {
    for (const one of holders) await end(one);
  };
  const run = (...words: string[]): void => {
    execFileSync(words[0]!, words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  try {
    await Promise.all(holders.map(begun));
    run(
      ...on(0),
      ip,
      'link',
      'add',
      'cable',
      'type',
      'veth',
      'peer',
      'name',
      'cable',
      'netns',
      String(holders[1]!.pid),
    );
    for (const machine of [0, 1] as const) {
      run(...on(machine), ip, 'addr', 'add', `${addresses[machine]}/24`, 'dev', 'cable');
      for (const device of ['lo', 'cable']) {
        run(...on(machine), ip, 'link', 'set', device, 'up');
      }
      const shape = ['tbf', 'rate', '1gbit', 'burst', '256kb', 'latency', '50ms'];
      run(...on(machine), tc, 'qdisc', 'add', 'dev', 'cable', 'root', ...shape);
    }
  } catch (error) {
    await dispose();
    throw new Unavailable(`no network namespaces: ${String(error)}`);
  }
  return { on, [Symbol.asyncDispose]: dispose };
}

async function begun(holder: ReturnType<typeof launch>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => {
      resolve();
    });
    holder.once('exit', () => {
      reject(new Error('unshare is not allowed'));
    });
  });
}
