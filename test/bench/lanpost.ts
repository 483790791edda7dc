import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../support/ports.js';
import { collect, end, failure, launch, type Command, type Daemon } from './programs.js';
import type { World } from './world.js';

const main = join(import.meta.dirname, '../../dist/lanpost.js');

/** A server of lanpost that serves one folder. */
export interface Served extends Daemon {
  readonly port: number;
}

/** How a server differs from one that its owner starts in an empty place. */
export interface Serving {
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it is started through. */
  readonly through?: readonly string[];
}

/** The built program with these words; `state` is the owner's unless another is given. */
export function lanpost(
  { node, arriving, state: owner }: World,
  words: readonly string[],
  { input, cwd = arriving, state = owner }: { input?: string; cwd?: string; state?: string } = {},
): Command {
  return {
    words: [node, main, ...words],
    cwd,
    env: { LANPOST_HOME: state, LANPOST_MDNS: 'off' },
    ...(input !== undefined && { input }),
  };
}

/** Starts a server on free ports and waits until it serves. Throws Error when it does not. */
export async function serve(world: World, folder: string, how: Serving = {}): Promise<Served> {
  const udpPort = String(await freePort('udp'));
  const more = ['--tcp-port', '0', '--udp-port', udpPort, ...(how.words ?? [])];
  const command = lanpost(world, ['serve', '--json', ...more, folder]);
  const words = [...(how.through ?? []), ...command.words];
  const child = launch({ ...command, words, env: { ...command.env, ...how.env } }, 'pipe');
  const remarks = collect(child);
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout! });
  let last = '';
  for await (const line of lines) {
    last = line;
    const { event, port } = JSON.parse(line) as { event: string; port: number };
    if (event !== 'serving') continue;
    child.stdout!.resume();
    return { pid: child.pid ?? 0, port, [Symbol.asyncDispose]: () => end(child) };
  }
  await ended;
  throw failure({ words }, child.exitCode, `${last} ${remarks()}`);
}

/** Gets one thing into the folder of arrivals. */
export function get(world: World, port: number, path: string): Command {
  return lanpost(world, ['get', `127.0.0.1:${port}`, path, '--client-directory', world.arriving]);
}

/** Puts one thing that lies in the folder of sources. */
export function put(world: World, port: number, path: string): Command {
  return lanpost(world, ['put', `127.0.0.1:${port}`, path], { cwd: world.source });
}
