import { rm } from 'node:fs/promises';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endOf, type Fault } from './faults.js';
import { judge, makeOperation, type Operation } from './operations.js';
import { randomFrom, type Random } from './random.js';
import { buildWorld, type World, type WorldPlan } from './world.js';

/** What came of many rounds. */
export interface Tally {
  readonly rounds: number;
  readonly struck: number;
  /** Receipts that were compared with what lies there. */
  readonly receipts: number;
}

export interface Trial extends Pick<WorldPlan, 'serverDisk' | 'clientDisk'> {
  readonly fault: Fault | readonly Fault[];
  /** Faults that have to strike. */
  readonly wanted: number;
  readonly seed: number;
  readonly clients?: number;
  readonly rate?: number;
}

/** Rounds after which all that has come is removed, so that the disks do not fill up by themselves. */
const cleaning = { plain: 6, memory: 2, image: 2 };

/**
 * Strikes so many times, in a world of its own, and checks after each that no receipt is lost and all goes on. Throws at
 * the first thing that is wrong, with the seed.
 */
export async function tryFaults(trial: Trial): Promise<Tally> {
  const { wanted, seed, fault, clients = 3, rate = 300 } = trial;
  const folder = await mkdtemp(join(tmpdir(), 'lanpost-faults-'));
  const random = randomFrom(seed);
  const faults = typeof fault === 'function' ? [fault] : fault;
  let struck = 0;
  let rounds = 0;
  try {
    const { serverDisk, clientDisk } = trial;
    const plan = { folder, random, clients, rate, serverDisk, clientDisk };
    const often = cleaning[serverDisk.kind];
    await using world = await buildWorld(plan);
    for (; struck < wanted; rounds += 1) {
      // Not each fault finds its moment, but most have to.
      if (rounds > 3 * wanted + 20) throw new Error(`only ${struck} of ${wanted} faults struck`);
      const words = `seed ${seed}, round ${rounds}`;
      struck += await oneRound(world, random.pick(faults), words);
      if (rounds % often === often - 1) await world.clear();
    }
    const ledgers = [world.server, ...world.clients].map(({ ledger }) => ledger);
    const receipts = ledgers.reduce((sum, ledger) => sum + ledger.looks(), 0);
    return { rounds, struck, receipts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function oneRound(world: World, fault: Fault, words: string): Promise<number> {
  const operations = await planned(world);
  for (const { disk } of [world.server, ...world.clients]) disk.sync();
  const asked = operations.map(({ what }) => what).join('; ');
  const struck = await fault(world, operations).catch((error: unknown) => {
    throw new Error(`${words} (${asked}): ${String(error)}\n${world.serving().said()}`);
  });
  const { times, ends, mustRecover, how, mayLeave = false, mayRepeat = false, wrong = [] } = struck;
  const found = [...wrong];
  const undone: Operation[] = [];
  for (const [at, operation] of operations.entries()) {
    const end = ends[at]!;
    const judged = judge(operation, end);
    const told = `${operation.what}: ${end.code} ${end.signal} ${end.stderr}`;
    if (!judged.done) undone.push(operation);
    if (!judged.done && mustRecover.includes(operation)) {
      found.push(`did not recover: ${told} ${failures(end.stdout)}`);
    }
    found.push(...judged.wrong.map((one) => `${one}\n    ${told} ${failures(end.stdout)}`));
  }
  found.push(...(await problemsOf(world)));
  if (found.length === 0) {
    for (const operation of undone) found.push(...(await again(world, operation)));
    found.push(...(await problemsOf(world)));
    for (const { target, wishes } of operations) {
      found.push(...(await target.ledger.unfulfilled([...wishes.values()], mayRepeat)));
    }
    if (mayLeave) await tidyUp(world);
    found.push(...(await world.leftBehind()));
  }
  const log = world.serving().said();
  if (log.includes('a fault in')) found.push('the server has a fault');
  if (found.length === 0) return times;
  throw new Error(
    [
      `${words}: ${how} (${asked})`,
      ...found,
      'the server said:',
      log.slice(-3000),
      ...ends.map(({ stdout, stderr }) => `a client said:\n${stdout}${stderr}`),
    ].join('\n  '),
  );
}

function failures(stdout: string): string {
  return stdout
    .split('\n')
    .filter((line) => line.includes('"failed"'))
    .join('\n    ');
}

/** One to be struck, and perhaps others beside it. */
async function planned({ random, ...world }: World): Promise<Operation[]> {
  const whole = { ...world, random };
  const [victim, ...others] = shuffled(random, world.clients);
  const contested = random.chance(0.2)
    ? { contested: `contested ${world.next()}`.replace(' ', '-') }
    : {};
  const verb = contested.contested ? 'put' : random.pick(['get', 'put'] as const);
  const operations = [
    await makeOperation(whole, { station: victim!, verb, heavy: true, ...contested }),
  ];
  for (const station of others.slice(0, random.below(others.length + 1))) {
    const own = contested.contested ? 'put' : random.pick(['get', 'put'] as const);
    const heavy = contested.contested !== undefined || random.chance(0.3);
    operations.push(await makeOperation(whole, { station, verb: own, heavy, ...contested }));
  }
  return operations;
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list
    .map((one) => ({ one, key: random.below(2 ** 30) }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
}

/** The same once more, now that nothing strikes. */
async function again(world: World, operation: Operation): Promise<string[]> {
  const { station, verb, words, what } = operation;
  const end = await endOf(world.command(station, verb, words), what);
  const { done, wrong } = judge(operation, end);
  const told = `${what}: ${end.code} ${end.stderr}${failures(end.stdout)}`;
  return done ? [...wrong] : [`does not go on: ${told}`, ...wrong];
}

async function problemsOf({ server, clients }: World): Promise<string[]> {
  const all: string[] = [];
  for (const { host, ledger } of [server, ...clients]) {
    all.push(...(await ledger.problems()).map((one) => `${host.name}: ${one}`));
  }
  return all;
}

/** What a disk would not let go of is no fault of the program. */
async function tidyUp({ server, clients }: World): Promise<void> {
  for (const { ledger } of [server, ...clients]) {
    const area = join(ledger.root, '.lanpost');
    for (const name of await readdir(area).catch(() => [])) {
      await rm(join(area, name), { recursive: true, force: true });
    }
  }
}
