import { openDevice } from '#sharing/device.js';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { enter } from '../../support/hostile-peer.js';
import { empty, mustEqual, randomFile, warm } from '../content.js';
import { pairedRatios, percentile, spread } from '../figures.js';
import { lanpost, serve } from '../lanpost.js';
import { end, launch, locate, timed, Unavailable, type Command } from '../programs.js';
import { problem } from '../race.js';
import { atMost, spreadText, timesAsFast, type Row } from '../table.js';
import { gibibyte, mebibyte, tell, type World } from '../world.js';

const rateGoal = timesAsFast(0.8);
const pingGoal = atMost('ms', 20);
const names = ['brisk-0.bin', 'brisk-1.bin'];
const diskName = 'disk';

/** Who reads from the slow disk: so many clients, and milliseconds that each call takes. */
interface Crowd {
  readonly clients: number;
  readonly delay: number;
}

const crowds: readonly Crowd[] = [
  { clients: 1, delay: 200 },
  { clients: 8, delay: 20 },
  { clients: 8, delay: 200 },
];

/** Seconds of the brisk clients, and milliseconds of the slowest pings but one in a hundred. */
interface Brisk {
  readonly seconds: number;
  readonly ping: number;
}

interface Round {
  readonly without: Brisk;
  /** In the order of the crowds. */
  readonly beside: readonly Brisk[];
}

/** Row 13: the files of some clients lie on a disk that is slow at each read; the others do not notice. */
export async function slowDisk(world: World): Promise<readonly Row[]> {
  const size = world.scaled(2048, 256) * mebibyte;
  const disk = join(world.source, diskName);
  tell(`${names.length} clients get ${size / mebibyte} MiB each, others read from a slow disk`);
  try {
    const library = await buildLibrary(world);
    for (const name of names) randomFile(join(world.source, name), size);
    await mkdir(disk);
    const rounds: Round[] = [];
    for (let n = 0; n <= world.rounds; n += 1) {
      const round = await runRound(world, library, names.length * size, n === 0);
      if (n > 0) rounds.push(round);
    }
    return crowds.flatMap((crowd, at) => rowsOf(crowd, workOf(crowd, size), rounds, at));
  } catch (error) {
    return crowds.map((crowd) => ({
      number: 13,
      work: workOf(crowd, size),
      peer: peerOf(crowd),
      goal: rateGoal,
      result: problem(error),
    }));
  } finally {
    for (const name of [diskName, ...names]) {
      await rm(join(world.source, name), { force: true, recursive: true });
    }
    await empty(world.arriving);
  }
}

function workOf({ clients, delay: wait }: Crowd, size: number): string {
  const brisk = `${names.length} clients get ${size / mebibyte} MiB each`;
  return clients === 1
    ? `${brisk}, a third reads at ${wait} ms a call`
    : `${brisk}, ${clients} others read at ${wait} ms a call`;
}

function peerOf({ clients }: Crowd): string {
  return clients === 1 ? 'without the third' : `without the ${clients}`;
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
  const through = withDisk(join(world.source, diskName));
  // All of them are one device to the server.
  const words = ['--max-transfers-per-client', '16'];
  const env = { LD_PRELOAD: library };
  await using server = await serve(world, world.source, { words, through, env });
  const without = await getBrisk(world, server.port, bytes);
  if (check) await compareAll(world);
  const beside: Brisk[] = [];
  for (const crowd of crowds) {
    await empty(world.arriving);
    beside.push(await getBeside(world, server.port, bytes, crowd));
  }
  return { without, beside };
}

/**
 * Starts a program that alone sees a disk at this place, with a sparse file for each crowd: disks are judged one by one. Throws
 * Unavailable without the right to.
 */
function withDisk(place: string): readonly string[] {
  if (process.getuid?.() !== 0) throw new Unavailable('a disk of its own needs root');
  const files = crowds.map((crowd) => `"$0"/${fileOf(crowd)}`).join(' ');
  const script = `mount -t tmpfs none "$0" && truncate -s ${8 * gibibyte} ${files} && exec "$@"`;
  return [locate('unshare'), '--mount', locate('sh'), '-c', script, place];
}

/** The library takes the delay from the name. */
function fileOf({ clients, delay: wait }: Crowd): string {
  return `slow-${wait}-for-${clients}`;
}

async function getBeside(world: World, port: number, bytes: number, crowd: Crowd): Promise<Brisk> {
  const began = performance.now();
  const path = `${diskName}/${fileOf(crowd)}`;
  const inboxes = Array.from({ length: crowd.clients }, (_, n) => `slow-${n}`);
  const crawling = inboxes.map((inbox) =>
    launch({ ...getInto(world, port, path, inbox), input: '' }),
  );
  try {
    // Until they are in the middle of their transfers.
    await delay(1000);
    const brisk = await getBrisk(world, port, bytes);
    await mustCrawl(world, inboxes, crowd, performance.now() - began);
    return brisk;
  } finally {
    await Promise.all(crawling.map(end));
  }
}

/** Throws Error when the slow disk was none, or was not read at all, for so many milliseconds. */
async function mustCrawl(
  { arriving }: World,
  inboxes: readonly string[],
  { clients, delay: wait }: Crowd,
  time: number,
): Promise<void> {
  let bytes = 0;
  for (const inbox of inboxes) {
    const area = join(arriving, inbox, '.lanpost');
    for (const name of await readdir(area)) bytes += 512 * (await stat(join(area, name))).blocks;
  }
  const rate = bytes / mebibyte / (time / 1000);
  tell(`  ${clients} at ${wait} ms a call: ${rate.toFixed(1)} MiB/s from the slow disk`);
  // Three times what two calls at once can read, a MiB each.
  if (bytes < mebibyte || rate > (3 * 2 * 1000) / wait) {
    throw new Error(`${bytes} bytes from the slow disk in ${Math.round(time)} ms`);
  }
}

function getInto(world: World, port: number, path: string, inbox: string): Command {
  const folder = join(world.arriving, inbox);
  return lanpost(world, ['get', `127.0.0.1:${port}`, path, '--client-directory', folder]);
}

async function compareAll({ source, arriving }: World): Promise<void> {
  for (const name of names) {
    await mustEqual(join(source, name), join(arriving, name, `new_${name}`));
  }
}

/** Seconds until the last of the brisk clients has its file, and the ping of somebody idle meanwhile. */
async function getBrisk(world: World, port: number, bytes: number): Promise<Brisk> {
  for (const name of names) await rm(join(world.arriving, name), { recursive: true, force: true });
  warm(world, bytes);
  const over = new AbortController();
  const pings = pingUntil(world, port, over.signal);
  try {
    const seconds = Math.max(
      ...(await Promise.all(names.map((name) => timed(getInto(world, port, name, name))))),
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

/** `at` is the number of the crowd. */
function rowsOf(crowd: Crowd, work: string, rounds: readonly Round[], at: number): Row[] {
  const own = rounds.map(({ beside }) => beside[at]!.seconds);
  const other = rounds.map(({ without }) => without.seconds);
  const pings = spread(rounds.map(({ beside }) => beside[at]!.ping));
  const quiet = spread(rounds.map(({ without }) => without.ping));
  const peer = peerOf(crowd);
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
