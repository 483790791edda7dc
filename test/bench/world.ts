import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What `run.js` was asked for. */
export interface Options {
  readonly quick: boolean;
  readonly rows: readonly string[];
  /** The Node that runs lanpost, and its version. */
  readonly node: string;
  readonly nodeVersion: string;
  /** Rounds that count. */
  readonly rounds: number;
  /** A folder in memory, removed at the end by `run.js`. */
  readonly folder: string;
}

/** Where everything is measured. */
export interface World extends Options {
  /** What is sent lies here. */
  readonly source: string;
  /** All that arrives, arrives here; emptied before each run. */
  readonly arriving: string;
  /** Keys, configurations and logs of the peers. */
  readonly tools: string;
  /** The owner's state folder: server and client share it, so that the client needs no code. */
  readonly state: string;
  /** The one size or count, or the other with `--quick`. */
  scaled(full: number, quick: number): number;
}

export const mebibyte = 1024 * 1024;
export const gibibyte = 1024 * mebibyte;

export async function openWorld(options: Options): Promise<World> {
  const room = (name: string): string => join(options.folder, name);
  const world = {
    ...options,
    source: room('source'),
    arriving: room('arriving'),
    tools: room('tools'),
    state: room('state'),
    scaled: (full: number, quick: number) => (options.quick ? quick : full),
  };
  for (const folder of [world.source, world.arriving]) await mkdir(folder, { recursive: true });
  await mkdir(world.tools, { mode: 0o700 });
  await mkdir(world.state, { mode: 0o700 });
  return world;
}

/** Says on standard error what is under way. */
export function tell(words: string): void {
  process.stderr.write(`${words}\n`);
}
