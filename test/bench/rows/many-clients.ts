import { once } from 'node:events';
import { link, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { empty, mustEqual, randomFile, warm } from '../content.js';
import { median, spread } from '../figures.js';
import { lanpost, serve } from '../lanpost.js';
import { collect, failure, launch } from '../programs.js';
import { problem } from '../race.js';
import { spreadText, timesAsFast, type Result, type Row } from '../table.js';
import { mebibyte, tell, type World } from '../world.js';

const rateGoal = timesAsFast(0.8);
const fairGoal = timesAsFast(0.5);

/** A client with an open session that waits for its commands. */
interface Waiting {
  /** Seconds from the start of these gets to the receipt of the last. */
  getAll(names: readonly string[]): Promise<number>;
  leave(): Promise<void>;
}

/** Seconds of one round: of all clients at once, and of one client with all of their files. */
interface Round {
  readonly each: readonly number[];
  readonly alone: number;
}

/** Row 11: many clients at once get as much together as one gets alone, and all about the same. */
export async function manyClients(world: World): Promise<readonly Row[]> {
  const clients = world.scaled(50, 10);
  const size = world.scaled(128, 32) * mebibyte;
  const work = `${clients} clients at once get ${size / mebibyte} MiB each`;
  tell(work);
  const names = Array.from({ length: clients }, (_, n) => `shared-${n}.bin`);
  const source = (name: string): string => join(world.source, name);
  try {
    randomFile(source(names[0]!), size);
    // One content under many names: nobody takes it for what has arrived already.
    for (const name of names.slice(1)) await link(source(names[0]!), source(name));
    const rounds: Round[] = [];
    for (let n = 0; n <= world.rounds; n += 1) {
      const round = await runRound(world, names, clients * size, n === 0);
      if (n > 0) rounds.push(round);
    }
    return rowsOf(work, rounds);
  } catch (error) {
    const row = { number: 11, work, peer: 'one client', goal: rateGoal };
    return [{ ...row, result: problem(error) }];
  } finally {
    for (const name of names) await rm(source(name), { force: true });
    await empty(world.arriving);
  }
}

async function runRound(
  world: World,
  names: readonly string[],
  bytes: number,
  check: boolean,
): Promise<Round> {
  const limits = ['clients', 'clients-per-address', 'transfers-per-client'];
  const words = limits.flatMap((limit) => [`--max-${limit}`, '64']);
  await using server = await serve(world, world.source, { words });
  const inbox = (n: number): string => join(world.arriving, String(n));
  await empty(world.arriving);
  warm(world, bytes);
  const together = await Promise.all(names.map((_, n) => wait(world, server.port, inbox(n))));
  const each = await Promise.all(together.map((client, n) => client.getAll([names[n]!])));
  await Promise.all(together.map((client) => client.leave()));
  if (check) await compareAll(world, names, inbox);
  await empty(world.arriving);
  warm(world, bytes);
  const single = await wait(world, server.port, world.arriving);
  const alone = await single.getAll(names);
  await single.leave();
  return { each, alone };
}

async function compareAll(
  { source }: World,
  names: readonly string[],
  inbox: (n: number) => string,
): Promise<void> {
  for (const [n, name] of names.entries()) {
    await mustEqual(join(source, name), join(inbox(n), `new_${name}`));
  }
}

/** Starts a client and waits for its session. Throws Error when it ends early. */
async function wait(world: World, port: number, inbox: string): Promise<Waiting> {
  const { cwd, env, words } = lanpost(world, ['--client-directory', inbox]);
  const command = { words, ...(cwd !== undefined && { cwd }), ...(env && { env }) };
  const child = launch(command, 'pipe');
  const remarks = collect(child);
  const ended = once(child, 'exit').then(([code]) => {
    throw failure(command, code as number | null, remarks());
  });
  ended.catch(() => undefined);
  let heard = '';
  let look = (): void => undefined;
  child.stdout!.on('data', (part: Buffer) => {
    heard += part.toString('utf8');
    look();
  });
  const hear = (words: string, times: number): Promise<void> =>
    new Promise((resolve, reject) => {
      look = () => {
        if (heard.split(words).length > times) resolve();
      };
      ended.catch(reject);
      look();
    });
  child.stdin!.write(`connect 127.0.0.1 ${port}\n`);
  await hear('connected to', 1);
  return {
    async getAll(names) {
      const began = performance.now();
      child.stdin!.write(names.map((name) => `get ${name}\n`).join(''));
      await hear('  verified  ', names.length);
      return (performance.now() - began) / 1000;
    },
    async leave() {
      child.stdin!.end('bye\n');
      await ended.catch(() => undefined);
    },
  };
}

function rowsOf(work: string, rounds: readonly Round[]): Row[] {
  const whole = rounds.map(({ each }) => Math.max(...each));
  const alone = rounds.map((round) => round.alone);
  const slowest = rounds.map(slowestRate);
  const own = spreadText(spread(whole), 's');
  const rates: Result = {
    kind: 'measured',
    own,
    other: spreadText(spread(alone), 's'),
    value: spread(rounds.map((round) => sumOfRates(round) * round.alone)),
  };
  const fairness: Result = {
    kind: 'measured',
    own,
    other: spreadText(spread(rounds.map(({ each }) => median(each))), 's'),
    value: spread(slowest),
  };
  return [
    { number: 11, work, peer: 'one client, same bytes', goal: rateGoal, result: rates },
    {
      number: 11,
      work: `${work}: the slowest`,
      peer: 'their mean',
      goal: fairGoal,
      result: fairness,
    },
  ];
}

/** Of all clients together; the work as a whole is 1. */
function sumOfRates({ each }: Round): number {
  return each.reduce((sum, seconds) => sum + 1 / each.length / seconds, 0);
}

/** Rate of the slowest over the mean rate. */
function slowestRate(round: Round): number {
  const slowest = 1 / round.each.length / Math.max(...round.each);
  return slowest / (sumOfRates(round) / round.each.length);
}
