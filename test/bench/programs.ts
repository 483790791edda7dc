import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** What a row needs is not on this machine; the row is skipped aloud. */
export class Unavailable extends Error {}

/** A program and its surroundings; `input` is all of its standard input. */
export interface Command {
  readonly words: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** A program that runs beside the measurements until it is disposed. */
export interface Daemon extends AsyncDisposable {
  readonly pid: number;
}

// Servers lie where an ordinary user's shell does not look.
const path = [process.env['PATH'], '/usr/sbin', '/sbin'].filter(Boolean).join(delimiter);

/** What every program sees, lanpost and peers alike: nothing that slows down the start of one of them. */
function surroundings(more: Command['env']): NodeJS.ProcessEnv {
  const { homedir, username } = userInfo();
  return { PATH: path, HOME: homedir, USER: username, LANG: 'C.UTF-8', ...more };
}

/** Where a program lies. Throws Unavailable when it does not. */
export function locate(name: string): string {
  const found = path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(mayRun);
  if (found === undefined) throw new Unavailable(`${name} is missing`);
  return found;
}

function mayRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a program; its standard output is dropped unless `output` asks for it. */
export function launch(command: Command, output: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const [program = '', ...rest] = command.words;
  const child = spawn(program, rest, {
    cwd: command.cwd,
    env: surroundings(command.env),
    stdio: ['pipe', output, 'pipe'],
  });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  child.stdin?.on('error', () => undefined);
  if (command.input !== undefined) child.stdin?.end(command.input);
  return child;
}

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Runs a program to its end and gives the seconds from its start. Throws Error when it fails. */
export async function timed(command: Command): Promise<number> {
  const began = performance.now();
  const child = launch({ input: '', ...command });
  const remarks = collect(child);
  const closed = once(child, 'close');
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = (performance.now() - began) / 1000;
  await closed;
  if (code !== 0) throw failure(command, code, remarks());
  return seconds;
}

/**
 * As `timed`, and gives the most memory that the program had, in bytes, looked at every 20 ms. Throws Unavailable where
 * that is not told.
 */
export async function peakOf(command: Command): Promise<number> {
  if (process.platform !== 'linux') throw new Unavailable('only Linux tells the peak of a process');
  const child = launch({ input: '', ...command });
  const remarks = collect(child);
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let peak = 0;
  const look = setInterval(() => {
    void peakMemory(child.pid ?? 0).then((bytes) => (peak = Math.max(peak, bytes)));
  }, 20);
  const [code] = await ended.finally(() => {
    clearInterval(look);
  });
  if (code !== 0) throw failure(command, code, remarks());
  return peak;
}

/** The most physical memory that a process has had, in bytes; 0 once it is gone. */
export async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** What a program says on standard error so far. */
export function collect(child: ChildProcess): () => string {
  const parts: Buffer[] = [];
  child.stderr?.on('data', (part: Buffer) => parts.push(part));
  return () => Buffer.concat(parts).toString('utf8').trim();
}

/** Names the program by the last part of its path, and what it said last. */
export function failure({ words }: Command, code: number | null, remarks: string): Error {
  const name = (words[0] ?? '').split('/').at(-1) ?? '';
  return new Error(`${name} ended with ${code}: ${remarks.slice(-300)}`);
}

/** Ends a program by its process id and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(late);
}

/** Starts a server and waits until its port answers; its remarks go to `log`. Throws Unavailable when it never does. */
export async function startDaemon(
  { words, env }: Command,
  log: string,
  answers: () => Promise<boolean>,
): Promise<Daemon> {
  const [program = '', ...rest] = words;
  const output = openSync(log, 'a');
  const child = spawn(program, rest, {
    env: surroundings(env),
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    if (await answers()) {
      return { pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
    }
    await delay(50);
  }
  await end(child);
  const said = (await readFile(log, 'utf8')).trim().slice(-300);
  throw new Unavailable(`${program.split('/').at(-1)} does not start: ${said}`);
}

/** Whether something listens on this port of this machine. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The first line with a digit that a program says about its version, or that it is missing. */
export function versionOf(name: string, ...words: string[]): string {
  const { stdout, stderr, error } = spawnSync(name, words, {
    encoding: 'utf8',
    env: surroundings({}),
  });
  if (error) return 'missing';
  return `${stdout}\n${stderr}`.split('\n').find((line) => /\d/.test(line)) ?? 'unknown';
}
