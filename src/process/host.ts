import type { InterfaceTable } from '#discovery/addresses.js';
import type { Readable, Writable } from 'node:stream';
import type { Surroundings } from './state-place.js';
import type { System } from './system.js';

/** Everything of a process that the program touches; tests hand in their own. */
export interface Host extends Surroundings {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly error: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Where what is kept for a while may lie. */
  readonly temporaryFolder: string;
  readonly hostName: string;
  /** The network as the system shows it now; tests and the demo show less of it. */
  readonly interfaces: () => InterfaceTable;
  /** What else of this machine tells why nobody is found. */
  readonly system: System;
  readonly pid: number;
  /** The words that start this installation: a program, and what it needs before a verb; absolute paths. */
  readonly program: readonly string[];
  readonly version: () => string;
  readonly isAlive: (pid: number) => boolean;
  /** Calls back for each Ctrl-C or request to end; gives the way to stop that. */
  readonly onInterrupt: (handler: () => void) => () => void;
}
