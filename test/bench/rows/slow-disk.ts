import { openDevice } from '#sharing/device.js';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { enter } from '../../support/hostile-peer.js';
import { empty, mustEqual, randomFile, sparse, warm } from '../content.js';
import { pairedRatios, percentile, spread } from '../figures.js';
import { lanpost, serve } from '../lanpost.js';
import { end, launch, locate, timed } from '../programs.js';
import { problem } from '../race.js';
import { atMost, spreadText, timesAsFast, type Row } from '../table.js';
import { gibibyte, mebibyte, tell, type World } from '../world.js';

const rateGoal = timesAsFast(0.8);
const pingGoal = atMost('ms', 20);
const slowName = 'crawling.bin';
const names = ['brisk-0.bin', 'brisk-1.bin'];

interface Round {
  /** Seconds of the brisk clients without and with somebody on the slow disk. */
  readonly without: number;
  readonly with: number;
  /** Milliseconds of the slowest pings but one in a hundred, without and with. */
  readonly pingWithout: number;
  readonly pingWith: number;
}

/** Row 13: one client's files lie on a disk that takes 200 ms for each read; the others do not notice. */
export async function slowDisk(world: World): Promise<readonly Row[]> {
  const size = world.scaled(2048, 256) * mebibyte;
  const work = `${names.length} clients get ${size / mebibyte} MiB each, a third reads at 200 ms a call`;
  tell(work);
  try {
    const library = await buildLibrary(world);
    for (const name of names) randomFile(join(world.source, name), size);
    await sparse(join(world.source, slowName), 8 * gibibyte);
    const rounds: Round[] = [];
    for (let n = 0; n <= world.rounds; n += 1) {
      const round = await runRound(world, library, names.length * size, n === 0);
      if (n > 0) rounds.push(round);
    }
    return rowsOf(work, rounds);
  } catch (error) {
    return [
      { number: 13, work, peer: 'without the third', goal: rateGoal, result: problem(error) },
    ];
  } finally {
    for (const name of [slowName, ...names]) await rm(join(world.source, name), { force: true });
    await empty(world.arriving);
  }
}

async function buildLibrary({ tools }: World): Promise<string> {
  const library = join(tools, 'slow-reads.so');
  const source = join(import.meta.dirname, '../slow-reads.c');
  const words = ['-shared', '-fPIC', '-O2', '-w', '-o', library, source, '-ldl'];
  await timed({ words: [locate('gcc'), ...words] });
  return library;
}

async function runRound(
  world: World,
  library: string,
  bytes: number,
  check: boolean,
): Promise<Round> {
  const env = { LD_PRELOAD: library, SLOW_NAME: slowName };
  await using server = await serve(world, world.source, { env });
  const alone = await getBrisk(world, server.port, bytes);
  if (check) await compareAll(world);
  await empty(world.arriving);
  const began = performance.now();
  const crawling = launch({ ...getInto(world, server.port, slowName), input: '' });
  try {
    // Until it is in the middle of its transfer.
    await delay(1000);
    const beside = await getBrisk(world, server.port, bytes);
    await mustCrawl(world, performance.now() - began);
    return {
      without: alone.seconds,
      with: beside.seconds,
      pingWithout: alone.ping,
      pingWith: beside.ping,
    };
  } finally {
    await end(crawling);
  }
}

/** Throws Error when the slow disk was none, or was not read at all, for so many milliseconds. */
async function mustCrawl({ arriving }: World, time: number): Promise<void> {
  const area = join(arriving, slowName, '.lanpost');
  const names = await readdir(area);
  const landed = await Promise.all(names.map((name) => stat(join(area, name))));
  const bytes = 512 * landed.reduce((sum, { blocks }) => sum + blocks, 0);
  tell(`  from the slow disk: ${(bytes / mebibyte / (time / 1000)).toFixed(1)} MiB/s`);
  if (bytes < mebibyte || bytes > 32 * mebibyte * (time / 1000)) {
    throw new Error(`${bytes} bytes from the slow disk in ${Math.round(time)} ms`);
  }
}

function getInto(world: World, port: number, name: string): ReturnType<typeof lanpost> {
  const inbox = join(world.arriving, name);
  return lanpost(world, ['get', `127.0.0.1:${port}`, name, '--client-directory', inbox]);
}

async function compareAll({ source, arriving }: World): Promise<void> {
  for (const name of names) {
    await mustEqual(join(source, name), join(arriving, name, `new_${name}`));
  }
}

/** Seconds until the last of the brisk clients has its file, and the ping of somebody idle meanwhile. */
async function getBrisk(
  world: World,
  port: number,
  bytes: number,
): Promise<{ readonly seconds: number; readonly ping: number }> {
  for (const name of names) await rm(join(world.arriving, name), { recursive: true, force: true });
  warm(world, bytes);
  const over = new AbortController();
  const pings = pingUntil(world, port, over.signal);
  try {
    const seconds = Math.max(
      ...(await Promise.all(names.map((name) => timed(getInto(world, port, name))))),
    );
    over.abort();
    return { seconds, ping: percentile(await pings, 0.99) };
  } finally {
    over.abort();
    await pings.catch(() => undefined);
  }
}

/**
 * Milliseconds from each ping to its answer. They leave every 10 ms, answered or not: a server that stands still for
 * long answers many late, and not only one.
 */
async function pingUntil({ state }: World, port: number, signal: AbortSignal): Promise<number[]> {
  await using peer = await enter(port, await openDevice(state));
  const left: number[] = [];
  const times: number[] = [];
  const beat = setInterval(() => {
    left.push(performance.now());
    peer.say({ t: 'ping', n: left.length });
  }, 10);
  try {
    do {
      const { n } = await peer.hear('pong');
      times.push(performance.now() - left[Number(n) - 1]!);
    } while (!signal.aborted);
  } finally {
    clearInterval(beat);
  }
  return times;
}

function rowsOf(work: string, rounds: readonly Round[]): Row[] {
  const own = rounds.map((round) => round.with);
  const other = rounds.map(({ without }) => without);
  const pings = spread(rounds.map(({ pingWith }) => pingWith));
  const quiet = spread(rounds.map(({ pingWithout }) => pingWithout));
  const peer = 'without the third';
  return [
    {
      number: 13,
      work,
      peer,
      goal: rateGoal,
      result: {
        kind: 'measured',
        own: spreadText(spread(own), 's'),
        other: spreadText(spread(other), 's'),
        value: spread(pairedRatios(own, other)),
      },
    },
    {
      number: 13,
      work: `${work}: ping, p99`,
      peer,
      goal: pingGoal,
      result: {
        kind: 'measured',
        own: spreadText(pings, 'ms'),
        other: spreadText(quiet, 'ms'),
        value: pings,
      },
    },
  ];
}
