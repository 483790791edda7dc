import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { open, readdir, readFile, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ended, Running } from '../program.js';
import { forgetContents } from './model.js';
import { takeReceipts, type Operation } from './operations.js';
import { beside, descriptorsOf, type Prompt, type Station, type World } from './world.js';

/** What came of a fault; everything works again by then. */
export interface Struck {
  /** How many times something was really hit in the middle. */
  readonly times: number;
  /** How each operation ended, in their order. */
  readonly ends: readonly Ended[];
  /** Operations that have to come through by themselves. */
  readonly mustRecover: readonly Operation[];
  /** The disk refused to remove files, so that some may be left. */
  readonly mayLeave?: boolean;
  /** A copy that was here could perhaps not be relied on: then the file lies beside it. */
  readonly mayRepeat?: boolean;
  /** What was wrong while it was repaired. */
  readonly wrong?: readonly string[];
  /** What was done, for a report. */
  readonly how: string;
}

/** Runs operations, and strikes at the first of them. */
export type Fault = (world: World, operations: readonly Operation[]) => Promise<Struck>;

/** Milliseconds after the first trace of a transfer in which it is struck. */
const longestWait = 350;
/** Milliseconds after which something hangs. */
const patience = 120_000;

function startOne(world: World, { station, verb, words }: Operation): Running {
  return world.command(station, verb, words);
}

/** All started; resolves at some moment in the middle of the first, with false if it was over before. */
async function inTheMiddle(world: World, operations: readonly Operation[]): Promise<Scene> {
  const runs = operations.map((operation) => startOne(world, operation));
  const [operation] = operations;
  const [run] = runs;
  if (!operation || !run) throw new Error('no operation');
  const middle = await untilUnderWay(world, operation, run);
  if (middle) await delay(world.random.below(longestWait));
  const recovering = middle ? [operation] : [];
  return { run, operation, runs, middle: middle && !hasEnded(run), recovering };
}

interface Scene {
  readonly run: Running;
  readonly operation: Operation;
  readonly runs: readonly Running[];
  readonly middle: boolean;
  /** Who was let in by then, and so has to get over a break: a first connection is not tried again. */
  readonly recovering: readonly Operation[];
}

async function allEnded(
  runs: readonly Running[],
  operations: readonly Operation[],
): Promise<Ended[]> {
  return Promise.all(runs.map((run, at) => endOf(run, operations[at]!.what)));
}

/** How it ended. Throws when it does not. */
export async function endOf(run: Running, what: string): Promise<Ended> {
  const over = new AbortController();
  const hangs = delay(patience, undefined, { signal: over.signal, ref: false }).then(() => {
    const told = run.told().map((line) => JSON.stringify(line));
    throw new Error(`hangs: ${what}\n${run.said()}${told.join('\n')}`);
  });
  try {
    return await Promise.race([run.ended, hangs]);
  } finally {
    over.abort();
    hangs.catch(() => undefined);
  }
}

/** The first journal that a transfer makes names the sender. */
async function untilUnderWay(world: World, operation: Operation, run: Running): Promise<boolean> {
  const area = join(operation.target.ledger.root, '.lanpost');
  const sender = operation.verb === 'get' ? world.server.id : operation.station.id;
  const before = new Set(await readdir(area).catch(() => []));
  while (!hasEnded(run)) {
    for (const name of await readdir(area).catch(() => [])) {
      if (!name.endsWith('.journal') || before.has(name)) continue;
      const text = await readFile(join(area, name), 'latin1').catch(() => '');
      if (text.includes(sender)) return true;
    }
    await delay(2);
  }
  return false;
}

function hasEnded({ pid }: Running): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

export const killClient: Fault = async (world, operations) => {
  const { run, runs, middle } = await inTheMiddle(world, operations);
  run.kill('SIGKILL');
  const ends = await allEnded(runs, operations);
  const struck = middle && ends[0]?.signal === 'SIGKILL';
  return { times: struck ? 1 : 0, ends, mustRecover: [], how: 'kill -9 of the client' };
};

export const killServer: Fault = async (world, operations) => {
  const { run, runs, middle, recovering } = await inTheMiddle(world, operations);
  const server = world.serving();
  server.kill('SIGKILL');
  await server.ended;
  await delay(world.random.below(600));
  await world.startServer();
  const ends = await allEnded(runs, operations);
  const struck = middle && hasBroken(run);
  return { times: struck ? 1 : 0, ends, mustRecover: recovering, how: 'kill -9 of the server' };
};

/** It noticed, and tried again. */
function hasBroken(run: Running): boolean {
  return run.told().some(({ event }) => event === 'broken');
}

export const cutLink: Fault = async (world, operations) => {
  const { run, runs, operation, middle, recovering } = await inTheMiddle(world, operations);
  const station = world.random.chance(0.3) ? world.server : operation.station;
  station.host.cable(1, 'down');
  const time = world.random.pick([50, 200, 500, 1000, 6000]);
  await delay(time);
  const struck = middle && !hasEnded(run);
  station.host.cable(1, 'up');
  const ends = await allEnded(runs, operations);
  const how = `the cable of ${station.host.name} was out for ${time} ms`;
  return { times: struck ? 1 : 0, ends, mustRecover: recovering, how };
};

export const resetLink: Fault = async (world, operations) => {
  const { run, runs, operation, middle, recovering } = await inTheMiddle(world, operations);
  const { namespace } = operation.station.host;
  const sockets = ['ss', '--tcp', '--kill', 'dport', '=', ':30001'];
  execFileSync('ip', ['netns', 'exec', namespace, ...sockets], { stdio: 'ignore' });
  const ends = await allEnded(runs, operations);
  const struck = middle && hasBroken(run);
  return { times: struck ? 1 : 0, ends, mustRecover: recovering, how: 'connections reset' };
};

/** The receiver stops in the middle, and what its disk holds by then is all that is left. */
export const cutPower: Fault = async (world, operations) => {
  const { run, runs, operation, middle } = await inTheMiddle(world, operations);
  const { target } = operation;
  const isServer = target === world.server;
  const receiver = isServer ? world.serving() : run;
  receiver.kill('SIGSTOP');
  const stopped = await untilStopped(receiver.pid);
  const copy = await target.disk.copy();
  receiver.kill('SIGKILL');
  await receiver.ended;
  // What the clients were told by then must be there afterwards.
  await delay(50);
  for (const [at, one] of operations.entries()) takeReceipts(one, runs[at]!.told());
  await copy.mount();
  forgetContents();
  const wrong = await target.ledger.problems();
  if (isServer) await world.startServer();
  const ends = await allEnded(runs, operations);
  const times = middle && stopped ? 1 : 0;
  const mustRecover = isServer && middle ? [operation] : [];
  const how = `power cut of ${target.host.name}`;
  // Nobody waits until a name that was removed is gone from the disk.
  return { times, ends, mustRecover, wrong, mayLeave: true, how };
};

/** True when all of its threads stand still; false when it has ended. */
async function untilStopped(pid: number): Promise<boolean> {
  for (;;) {
    const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
    const states = await Promise.all(
      threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
    );
    const letters = states.map((line) => line.slice(line.lastIndexOf(')') + 2)[0]);
    if (letters.length === 0 || letters.every((one) => one === 'Z' || one === 'X')) return false;
    if (letters.every((one) => one === 'T')) return true;
    await delay(2);
  }
}

/** File calls of a receiver, by all their names, and what they may answer. */
const receiverCalls: Readonly<Record<string, readonly string[]>> = {
  openat: ['EIO', 'EMFILE', 'ENOSPC'],
  write: ['EIO', 'ENOSPC', 'EDQUOT'],
  pwrite64: ['EIO', 'ENOSPC', 'EDQUOT'],
  fsync: ['EIO', 'ENOSPC', 'EDQUOT'],
  fdatasync: ['EIO', 'ENOSPC'],
  '?link,?linkat': ['EIO', 'ENOSPC', 'EPERM', 'EMLINK'],
  '?rename,?renameat,?renameat2': ['EIO', 'ENOSPC'],
  '?unlink,?unlinkat': ['EIO'],
  '?mkdir,?mkdirat': ['EIO', 'ENOSPC', 'EDQUOT'],
  utimensat: ['EIO'],
  pread64: ['EIO'],
  statx: ['EIO'],
  getdents64: ['EIO'],
};
const senderCalls = {
  openat: ['EIO', 'EMFILE'],
  pread64: ['EIO'],
  statx: ['EIO'],
  getdents64: ['EIO'],
};

/** The Nth file call of one side fails, or all from the Nth on. */
export const failCall: Fault = async (world, operations) => {
  const { random } = world;
  const [operation] = operations;
  if (!operation) throw new Error('no operation');
  const atReceiver = random.chance(0.8);
  const calls: Readonly<Record<string, readonly string[]>> = atReceiver
    ? receiverCalls
    : senderCalls;
  const call = random.pick(Object.keys(calls));
  const error = random.pick(calls[call]!);
  const nth = `${random.between(1, 6)}${random.chance(0.3) ? '+' : ''}`;
  const prompt = await world.prompt(operation.station);
  const atServer = (operation.target === world.server) === atReceiver;
  const pid = atServer ? world.serving().pid : prompt.pid;
  const log = join(operation.station.host.folder, 'calls');
  // Writes to what is no file would end Node itself, so only those to files in a tree that grows are hit.
  const files =
    call === 'write' ? stagedFiles(world, operation).flatMap((path) => ['-P', path]) : [];
  if (call === 'write' && files.length === 0) {
    prompt.input.end('bye\n');
    await prompt.ended;
    const ends = await Promise.all(operations.map((one) => runAlone(world, one)));
    return { times: 0, ends, mustRecover: [], how: 'nothing' };
  }
  const words = [
    ...['strace', '-f', '-p', String(pid), '-o', log, ...files, '-e', `trace=${call}`],
    ...['-e', `inject=${call}:error=${error}:when=${nth}`],
  ];
  const strace = await beside(words, 'attached');
  prompt.input.end(`${operation.verb} ${operation.words.join(' ')}\nbye\n`);
  const end = await endOfPrompt(prompt, operation.what);
  await strace.stop();
  // A new client could not even be let in by a server that opens no files.
  const others = await Promise.all(operations.slice(1).map((one) => runAlone(world, one)));
  const injected = (await readFile(log, 'utf8'))
    .split('\n')
    .filter((line) => line.includes('(INJECTED)'));
  await rm(log);
  return {
    times: Math.min(1, injected.length),
    ends: [end, ...others],
    mustRecover: [],
    mayLeave: call.includes('unlink') || nth.endsWith('+'),
    mayRepeat: atReceiver,
    how: `${call} number ${nth} of the ${atServer ? 'server' : 'client'} answers ${error}`,
  };
};

/** Without what came before the operation. */
async function endOfPrompt(prompt: Prompt, what: string): Promise<Ended> {
  const end = await endOf(prompt, what);
  return { ...end, lines: end.lines.slice(prompt.before) };
}

async function runAlone(world: World, operation: Operation): Promise<Ended> {
  return endOf(startOne(world, operation), operation.what);
}

/** Where the files of new folders come to lie until their folder has its name. */
function stagedFiles(world: World, { verb, station, target, tops, wishes }: Operation): string[] {
  const sender = verb === 'get' ? world.server.id : station.id;
  return [...tops.keys()].flatMap((top) => {
    const name = `new_${top.split('/').at(-1) ?? ''}`;
    const token = createHash('sha256').update(`${sender}\n${name}/`).digest('hex').slice(0, 32);
    return [...wishes.values()]
      .filter(({ path }) => path.startsWith(`${name}/`))
      .slice(0, 20)
      .map(({ path }) =>
        join(target.ledger.root, '.lanpost', `${token}.tree`, path.slice(name.length + 1)),
      );
  });
}

/** The receiver may open no more files than a few, or write no longer ones than a little. */
export const limit: Fault = async (world, operations) => {
  const { random } = world;
  const [operation] = operations;
  if (!operation) throw new Error('no operation');
  const prompt = await world.prompt(operation.station);
  const pid = operation.target === world.server ? world.serving().pid : prompt.pid;
  const [resource, least] = random.pick([
    ['nofile', (await descriptorsOf(pid)).length + random.between(1, 14)],
    ['fsize', random.between(1, 4_000_000)],
  ] as const);
  const limits = ['--pid', String(pid)];
  const shown = ['--noheadings', '--raw', '--output', 'SOFT', `--${resource}`];
  const usual = execFileSync('prlimit', [...limits, ...shown], { encoding: 'utf8' }).trim();
  execFileSync('prlimit', [...limits, `--${resource}=${least}:`]);
  prompt.input.end(`${operation.verb} ${operation.words.join(' ')}\nbye\n`);
  const end = await endOfPrompt(prompt, operation.what);
  if (operation.target === world.server) {
    execFileSync('prlimit', [...limits, `--${resource}=${usual}:`]);
  }
  const others = await Promise.all(operations.slice(1).map((one) => runAlone(world, one)));
  const ends = [end, ...others];
  const times = ends.some(({ code }) => code !== 0) ? 1 : 0;
  return { times, ends, mustRecover: [], how: `${resource} of the receiver is ${least}` };
};

/** The disk of the receiver fills up in the middle. */
export const fillDisk: Fault = async (world, operations) => {
  const { random } = world;
  const { runs, run, operation } = await inTheMiddle(world, operations);
  const { target, verb } = operation;
  const sender = verb === 'get' ? world.serving() : run;
  // Held still, so that the disk is full while it goes on.
  sender.kill('SIGSTOP');
  const left = random.below(3 * 1024 * 1024);
  await fillUp(target, left);
  sender.kill('SIGCONT');
  const ends = await allEnded(runs, operations);
  await rm(join(target.disk.folder, 'filling'), { force: true });
  const times = ends.some(({ code }) => code !== 0) ? 1 : 0;
  return { times, ends, mustRecover: [], how: `${left} bytes left on ${target.host.name}` };
};

async function fillUp({ disk }: Station, left: number): Promise<void> {
  const file = await open(join(disk.folder, 'filling'), 'a');
  const block = Buffer.alloc(1024 * 1024, 1);
  try {
    for (;;) {
      const { bavail, bsize } = await statfs(disk.folder);
      const length = Math.min(block.length, bavail * bsize - left);
      if (length < bsize) return;
      await file.write(block, 0, length);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}
