import type { LoadedSettings } from '#config/load.js';
import type { Device } from '#sharing/device.js';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { CommandLine } from './arguments.js';
import type { Context, Memory } from './context.js';
import { ProgramError } from './failure.js';
import { openJobs } from './jobs.js';
import type { Log } from './log/log.js';
import type { Host } from './process/host.js';
import { shortInput } from './process/short-input.js';
import { statePlace } from './process/state-place.js';
import { quote } from './view/quote.js';
import { isColored } from './view/style.js';
import type { View } from './view/view.js';
import { columnsOn } from './view/wrap.js';

/** What all commands of one run share: settings, state folder, log and key, each opened when needed. */
export interface Base {
  readonly view: View;
  readonly stateFolder: string;
  readonly memory: Memory;
  context(parts: Pick<Context, 'atPrompt' | 'signal' | 'ask'>): Context;
  /** Keeps the stack of a fault in the log. */
  noteFault(error: unknown): Promise<void>;
  close(): Promise<void>;
}

/** Loads the settings. Throws SettingsError, SharingError `state-missing` or ProgramError `usage`. */
export async function openBase(host: Host, line: CommandLine, view: View): Promise<Base> {
  if (host.workingFolder === '') {
    throw new ProgramError('usage', 'the current folder is gone', 'change to one that exists');
  }
  const stateFolder = statePlace(host);
  const { settings, origins } = await load(host, line, stateFolder);
  const colorOf = (stream: Host['output']): boolean =>
    isColored(settings.color, stream, host.environment);
  view.colorize({ output: colorOf(host.output), error: colorOf(host.error) });
  const memory: Memory = {
    session: undefined,
    scanned: [],
    leaving: false,
    lastVerb: undefined,
    jobs: openJobs(),
    trusted: new Set(),
  };
  let device: Promise<Device> | undefined;
  let log: Promise<Log> | undefined;

  function openDevice(): Promise<Device> {
    device ??= import('#sharing/device.js')
      .then((room) => room.openDevice(stateFolder))
      .catch((error: unknown) => {
        // Who does what the hint says, and tries again at the same prompt, finds it mended.
        device = undefined;
        throw error;
      });
    return device;
  }

  async function noteFault(error: unknown): Promise<void> {
    const opened = await openLog().catch(() => undefined);
    opened?.fault(error);
  }

  function openLog(screen?: Writable): Promise<Log> {
    log ??= import('./log/log.js').then((room) =>
      room.openLog({
        stateFolder,
        level: settings.logLevel,
        size: settings.logSize,
        complain: (words) => {
          view.warn(words);
        },
        color: colorOf(host.error),
        ...(screen && { screen }),
      }),
    );
    return log;
  }

  return {
    view,
    stateFolder,
    memory,
    context: (parts) => ({
      ...parts,
      view,
      settings,
      origins,
      stateFolder,
      version: host.version,
      workingFolder: host.workingFolder,
      device: openDevice,
      openLog,
      noteFault,
      input: host.input,
      output: host.output,
      temporaryFolder: host.temporaryFolder,
      onTerminal: host.output.isTTY === true,
      columns: view.json ? Infinity : columnsOn(host.output),
      screen: host.error,
      readInput: shortInput(host.input, parts.signal),
      interfaces: host.interfaces,
      system: host.system,
      isAlive: host.isAlive,
      pid: host.pid,
      program: host.program,
      memory,
    }),
    noteFault,
    async close() {
      memory.jobs.cancelAll();
      await memory.jobs.idle();
      await memory.session?.bye();
    },
  };
}

async function load(
  { environment, hostName, workingFolder }: Host,
  { configFile, flags }: CommandLine,
  stateFolder: string,
): Promise<LoadedSettings> {
  const [{ loadSettings }, { cleanName }] = await Promise.all([
    import('#config/load.js'),
    import('#discovery/name.js'),
  ]);
  const path =
    configFile === undefined
      ? join(stateFolder, 'config.json')
      : resolve(workingFolder, configFile);
  const text = await readSettings(path, configFile !== undefined);
  const name = cleanName(hostName) ?? 'lanpost';
  return loadSettings({
    defaults: { name },
    environment,
    flags,
    ...(text !== undefined && { file: { path, text } }),
  });
}

/** A file that was asked for must be there; the usual one may be missing. */
async function readSettings(path: string, mustExist: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const missing =
      error instanceof Error &&
      'code' in error &&
      (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (missing && !mustExist) return undefined;
    const why = missing ? 'does not exist' : 'cannot be read';
    throw new ProgramError(
      'usage',
      `the settings file ${quote(path)} ${why}`,
      'check the path, or who may read it',
    );
  }
}
