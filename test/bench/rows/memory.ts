import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { empty, randomTree, sparse, warm } from '../content.js';
import { spread } from '../figures.js';
import { get, put, serve } from '../lanpost.js';
import { peakMemory, peakOf } from '../programs.js';
import { problem } from '../race.js';
import { atMost, spreadText, type Goal, type Result, type Row } from '../table.js';
import { gibibyte, mebibyte, tell, type World } from '../world.js';

type Verb = 'get' | 'put';

/** The most memory that each side had, in bytes. */
interface Peaks {
  readonly server: number;
  readonly client: number;
}

/** A small and a large case of one kind: memory must not grow from the one to the other. */
interface Kind {
  readonly name: string;
  readonly cases: readonly [string, string];
  /** Bytes that each case writes. */
  readonly bytes: readonly [number, number];
}

const name = 'load';
const megabyte = 1e6;
const peakGoal = atMost('MB', 110, 140);
const growthGoal = atMost('MB', 15);

/** Row 10: peak memory of both sides, and how it grows with the work. */
export async function memory(world: World): Promise<readonly Row[]> {
  const sizes = [
    world.scaled(256, 64) * mebibyte,
    world.scaled(8 * gibibyte, 512 * mebibyte),
  ] as const;
  const counts = [1, world.scaled(100_000, 5000)] as const;
  const rows: Row[] = [];
  for (const verb of ['get', 'put'] as const) {
    const large = {
      name: 'one file',
      cases: [`${sizes[0] / mebibyte} MiB`, `${sizes[1] / mebibyte} MiB`],
      bytes: sizes,
    } as const;
    rows.push(...(await growth(world, verb, large, (n) => sparse(load(world), sizes[n]))));
    const many = {
      name: 'files of 4 KiB',
      cases: [`${counts[0]}`, `${counts[1]}`],
      bytes: [counts[0] * 4096, counts[1] * 4096],
    } as const;
    rows.push(...(await growth(world, verb, many, (n) => randomTree(load(world), counts[n]))));
  }
  return rows;
}

function load(world: World): string {
  return join(world.source, name);
}

async function growth(
  world: World,
  verb: Verb,
  kind: Kind,
  make: (n: 0 | 1) => Promise<void>,
): Promise<readonly Row[]> {
  const [small, large] = kind.cases;
  const work = `peak memory, ${verb} ${kind.name}: ${large}`;
  tell(`${work}, and ${small}`);
  try {
    const before = await measure(world, verb, kind.bytes[0], () => make(0));
    const after = await measure(world, verb, kind.bytes[1], () => make(1));
    return (['server', 'client'] as const).flatMap((side) => [
      row(`${work}, ${side}`, 'a fixed limit', peakGoal, after[side], ''),
      row(
        `growth from ${small}, ${verb} ${kind.name}: ${large}, ${side}`,
        small,
        growthGoal,
        after[side] - before[side],
        `${(before[side] / megabyte).toFixed(1)} MB`,
      ),
    ]);
  } catch (error) {
    return [{ number: 10, work, peer: 'a fixed limit', goal: peakGoal, result: problem(error) }];
  }
}

function row(work: string, peer: string, goal: Goal, bytes: number, other: string): Row {
  const value = spread([bytes / megabyte]);
  const result: Result = { kind: 'measured', own: spreadText(value, 'MB'), other, value };
  return { number: 10, work, peer, goal, result };
}

/** One transfer with a server of its own, which is looked at before it is ended. */
async function measure(
  world: World,
  verb: Verb,
  bytes: number,
  make: () => Promise<void>,
): Promise<Peaks> {
  await empty(world.arriving);
  await rm(load(world), { recursive: true, force: true });
  try {
    await make();
    warm(world, bytes);
    const folder = verb === 'get' ? world.source : world.arriving;
    await using server = await serve(world, folder);
    const client = await peakOf((verb === 'get' ? get : put)(world, server.port, name));
    return { server: await peakMemory(server.pid), client };
  } finally {
    await rm(load(world), { recursive: true, force: true });
    await empty(world.arriving);
  }
}
