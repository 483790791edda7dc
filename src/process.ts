import { readFileSync } from 'node:fs';
import { homedir, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Host } from './host.js';
import { answerEarly } from './early.js';
import { exitCodes, type ExitCode } from './exit-codes.js';

/** Runs the program with this process's own streams, signals and surroundings. */
export async function runAsProcess(words: readonly string[]): Promise<ExitCode> {
  // A reader of our output that went away (`lanpost list x | head`) is no fault of ours.
  process.stdout.on('error', ignoreBrokenPipe);
  process.stderr.on('error', ignoreBrokenPipe);
  const host = hostOfProcess();
  if (answerEarly(words, host)) return exitCodes.done;
  const { runProgram } = await import('./program.js');
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
    home: homedir(),
    user: process.getuid?.(),
    workingFolder: process.cwd(),
    hostName: hostname(),
    interfaces: networkInterfaces,
    pid: process.pid,
    version: packageVersion,
    isAlive,
    onInterrupt,
  };
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function packageVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
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
