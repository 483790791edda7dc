import { closeSync } from 'node:fs';
import { homedir, hostname, networkInterfaces, tmpdir } from 'node:os';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { keepCompiled } from './compiled.js';
import type { Host } from './host.js';
import { packageVersion } from '#src/early.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { watchLoss } from './loss.js';
import { systemOfProcess } from './system.js';

/** Runs the program with this process's own streams, signals and surroundings. */
export async function runAsProcess(words: readonly string[]): Promise<ExitCode> {
  letGoOfTerminals();
  const loss = watchLoss(process.stdin, process.stdout, process.stderr);
  const host: Host = {
    ...hostOfProcess(),
    onInterrupt(handler) {
      const releases = [onInterrupt(handler), loss.onLoss(handler)];
      return () => {
        for (const release of releases) release();
      };
    },
  };
  const exit = await run(words, host);
  const out = written(process.stdout);
  // A reader that takes nothing, and does not go either, would keep us for ever.
  const isTaken = await Promise.race([
    out.then(() => true),
    ...(exit === exitCodes.interrupted ? [delay(lastWords, false, { ref: false })] : []),
  ]);
  if (!isTaken) letGoOfReader(process.stdout);
  return loss.exitOf(exit);
}

/** Milliseconds that the reader of an interrupted run gets to take what was written before. */
const lastWords = 500;

/** Node keeps the standard streams from being destroyed; what they are made of can be. */
function letGoOfReader(output: Writable): void {
  const kind = Object.getPrototypeOf(output) as Writable;
  kind._destroy.call(output, null, () => undefined);
}

async function run(words: readonly string[], host: Host): Promise<ExitCode> {
  // Nearly all of the program is loaded after this.
  keepCompiled(host);
  const { runProgram } = await import('#src/program.js');
  return runProgram(words, host);
}

/** What the program sees of this process. */
export function hostOfProcess(): Host {
  return {
    input: process.stdin,
    output: process.stdout,
    error: process.stderr,
    environment: process.env,
    platform: process.platform,
    home: orNone(homedir),
    user: process.getuid?.(),
    workingFolder: orNone(() => process.cwd()),
    temporaryFolder: tmpdir(),
    hostName: hostname(),
    interfaces: networkInterfaces,
    system: systemOfProcess(process.env),
    pid: process.pid,
    program: programWords(),
    version: packageVersion,
    isAlive,
    onInterrupt,
  };
}

/** A user without an entry has no home, and a current folder may be gone: what needs one says so. */
function orNone(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}

/** A program in one file is its own interpreter. */
function programWords(): readonly string[] {
  const [, script] = process.argv;
  const isOne = script === undefined || script === process.execPath;
  return isOne ? [process.execPath] : [process.execPath, script];
}

/** Resolves when all that was written is out, or lost. */
async function written(stream: Writable): Promise<void> {
  await new Promise<void>((resolve) => {
    stream.write('', () => {
      resolve();
    });
  });
}

/**
 * At its end Node puts each terminal back as it was, and aborts when one vanishes just then. What is closed it leaves
 * alone, so we put them back and let go of them. After a fault Node still has to say which: then of those that are gone.
 */
function letGoOfTerminals(): void {
  const terminals = [0, 1, 2].filter((handle) => isatty(handle));
  process.once('exit', (code) => {
    if (process.stdin.isTTY && process.stdin.isRaw) process.stdin.setRawMode(false);
    const isFault = code === exitCodes.fault;
    for (const handle of terminals) if (!isFault || !isatty(handle)) letGo(handle);
  });
}

function letGo(handle: number): void {
  try {
    closeSync(handle);
  } catch {
    // It was closed already.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function onInterrupt(handler: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}
