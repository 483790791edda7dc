import { empty, warm } from './content.js';
import { pairedRatios, spread } from './figures.js';
import { timed, Unavailable, type Command } from './programs.js';
import { spreadText, type Goal, type Result, type Row } from './table.js';
import { tell, type World } from './world.js';

/** Somebody who does the work; asked for its command once, before the first round. */
export interface Runner {
  readonly name: string;
  readonly command: () => Promise<Command> | Command;
  /** Throws when the work was not done; called in the round that does not count. */
  readonly check?: () => Promise<void>;
}

/** A row of the table: lanpost against this peer. */
export interface Rival extends Runner {
  readonly number: number;
  readonly goal: Goal;
}

export interface Race {
  readonly work: string;
  /** Bytes that a run writes. */
  readonly bytes: number;
  readonly own: Runner;
  readonly rivals: readonly Rival[];
  /** Rounds that count; by default as many as were asked for. */
  readonly rounds?: number;
}

type Outcome = { readonly times: readonly number[] } | { readonly failed: Result };

interface Entrant {
  readonly runner: Runner;
  readonly times: number[];
  command?: Command;
  failed?: Result;
}

/** Lets all do the same work in turn, one round that does not count and then those that do. */
export async function race(world: World, plan: Race): Promise<readonly Row[]> {
  const { work, own, rivals, rounds = world.rounds } = plan;
  const wanted = rivals.filter(({ number }) => world.rows.includes(String(number)));
  if (wanted.length === 0) return [];
  tell(`${work}: lanpost, ${wanted.map(({ name }) => name).join(', ')}`);
  const entrants = [own, ...wanted].map((runner): Entrant => ({ runner, times: [] }));
  for (const entrant of entrants) await attempt(entrant, () => enter(entrant));
  for (let round = 0; round <= rounds; round += 1) {
    for (const entrant of rotated(entrants, round)) {
      await attempt(entrant, () => runOnce(world, plan.bytes, entrant, round === 0));
    }
  }
  const [ownEntrant, ...others] = entrants;
  return wanted.map(({ number, name: peer, goal }, index) => {
    const result = compare(outcome(ownEntrant!), outcome(others[index]!));
    return { number, work, peer, goal, result };
  });
}

/** Each round begins with another, so that nobody always runs after the same one. */
function rotated<T>(all: readonly T[], by: number): T[] {
  const first = by % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function enter(entrant: Entrant): Promise<void> {
  entrant.command = await entrant.runner.command();
}

async function runOnce(
  world: World,
  bytes: number,
  { command, runner, times }: Entrant,
  first: boolean,
): Promise<void> {
  if (!command) return;
  await empty(world.arriving);
  warm(world, bytes);
  const seconds = await timed(command);
  if (first) await runner.check?.();
  else times.push(seconds);
}

/** One that cannot go on is out, and the others run on. */
async function attempt(entrant: Entrant, run: () => Promise<void>): Promise<void> {
  if (entrant.failed) return;
  try {
    await run();
  } catch (error) {
    entrant.failed = problem(error);
  }
}

/** What becomes of a row that could not be measured. */
export function problem(error: unknown): Result {
  const kind = error instanceof Unavailable ? 'skipped' : 'failed';
  const why = error instanceof Error ? error.message : String(error);
  tell(`  ${kind}: ${why}`);
  return { kind, why };
}

function outcome({ times, failed }: Entrant): Outcome {
  return failed ? { failed } : { times };
}

function compare(own: Outcome, peer: Outcome): Result {
  if ('failed' in own) return own.failed;
  if ('failed' in peer) return peer.failed;
  return {
    kind: 'measured',
    own: spreadText(spread(own.times), 's'),
    other: spreadText(spread(peer.times), 's'),
    value: spread(pairedRatios(own.times, peer.times)),
  };
}
