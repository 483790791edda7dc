import type { Origin } from '#config/settings-error.js';
import type { SettingKey, Settings } from '#config/settings.js';
import type { InterfaceTable } from '#discovery/addresses.js';
import type { FoundServer } from '#discovery/scanner.js';
import type { ClientSession } from '#sharing/client.js';
import type { Device } from '#sharing/device.js';
import type { Readable, Writable } from 'node:stream';
import type { Jobs } from './jobs.js';
import type { Log } from './log/log.js';
import type { System } from './process/system.js';
import type { View } from './view/view.js';

/** What every command gets; one for each run of the program, or each shell. */
export interface Context {
  readonly view: View;
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingKey, Origin>>;
  readonly stateFolder: string;
  /** Of this program. */
  readonly version: () => string;
  /** The folder that relative words of the user refer to. */
  readonly workingFolder: string;
  /** At the prompt, where `put` reads from the local folder and verbs use the open session. */
  readonly atPrompt: boolean;
  /** Opened when it is first needed. */
  readonly device: () => Promise<Device>;
  /** The log in the state folder, and on `screen` if given. */
  readonly openLog: (screen?: Writable) => Promise<Log>;
  /** Writes a fault of lanpost itself to the log. */
  readonly noteFault: (error: unknown) => Promise<void>;
  /** Standard output, for bytes that are no answers. */
  readonly output: Writable;
  /** Standard output is a terminal, so somebody may be looking. */
  readonly onTerminal: boolean;
  /** How wide that terminal is; without one there is no bound. */
  readonly columns: number;
  /** Asks the user; undefined when nobody can be asked. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Standard input, for bytes that are no words. */
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Where what is kept for a while may lie. */
  readonly temporaryFolder: string;
  /** What stands on standard input, for a code; not at the prompt, whose lines come from there. */
  readonly readInput: () => Promise<string>;
  /** Where a running command may write lines that are not answers. */
  readonly screen: Writable;
  /** Ends the command that runs now. */
  readonly signal: AbortSignal;
  readonly interfaces: () => InterfaceTable;
  readonly system: System;
  readonly isAlive: (pid: number) => boolean;
  readonly pid: number;
  /** The words that start this installation. */
  readonly program: readonly string[];
  /** What lasts from one line of the prompt to the next. */
  readonly memory: Memory;
}

export interface Memory {
  session: ClientSession | undefined;
  scanned: readonly FoundServer[];
  leaving: boolean;
  /** Of the line before this one, if it was a verb. */
  lastVerb: string | undefined;
  /** What runs beside the prompt. */
  readonly jobs: Jobs;
  /** Ids of unverified servers that the user let through in this run. */
  readonly trusted: Set<string>;
}
