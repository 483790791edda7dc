import type { SettingKey } from '#config/settings.js';
import type { ExitCode } from '#src/exit-codes.js';
import type { Context } from '#src/context.js';
import type { View } from '#src/view/view.js';

/** What the words after a verb, or the value of an option, name; completion offers it. */
export type Takes = 'server' | 'local' | 'remote' | 'verb' | 'shell';

/** One verb: everything that the prompt, one shot, help and completion need to know of it. */
export interface Command {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly where: 'prompt' | 'one-shot' | 'both';
  /** Arguments in help, without the server: "<path>...". */
  readonly usage: string;
  /** In one shot a server comes first; at the prompt it is the connected one. */
  readonly needsServer: boolean;
  /** What its arguments are, without the server; undefined for what nobody can complete. */
  readonly takes?: Takes;
  /** At the prompt its local paths begin at the local folder. */
  readonly inLocalFolder?: true;
  readonly least: number;
  readonly most: number;
  /** One line, no capital, no full stop. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** Those that matter most to it: its help shows them too. */
  readonly settings?: readonly SettingKey[];
  /** What is worth knowing beside the options, a line each. */
  readonly notes?: readonly string[];
  readonly examples: readonly string[];
  /** With `&` at its end it runs beside the prompt. */
  readonly mayRunBeside?: true;
  /** Lines of it that follow one another in a script, with the same options, may run as one with the words of all. */
  readonly mayJoin?: (call: Call) => boolean;
  /** Loaded when it runs: start-up time counts. */
  readonly load: () => Promise<{ readonly run: Run }>;
  /** The same of a verb that needs neither settings nor state: it answers sooner, and where these are broken. */
  readonly loadPlain?: () => Promise<{ readonly run: PlainRun }>;
}

export type Run = (context: Context, call: Call) => Promise<ExitCode>;

/** A verb that needs no more than this; the rest of a context does not disturb it. */
export type PlainRun = (context: PlainContext, call: Call) => Promise<ExitCode>;

export interface PlainContext {
  readonly view: View;
  readonly atPrompt: boolean;
  /** Of the screen; Infinity without one. */
  readonly columns: number;
  /** Undefined where none can be told: no home, or somebody else's. */
  readonly stateFolder: string | undefined;
  readonly version: () => string;
}

export interface Option {
  readonly name: string;
  /** One letter that means the same after one dash. */
  readonly short?: string;
  /** What its value is called; undefined for a switch. */
  readonly value?: string;
  /** What its value is; a list of servers has commas between them. */
  readonly takes?: Takes;
  /** Only for the first contact with a server. */
  readonly forFirstContact?: true;
  readonly meaning: string;
}

/** One use of a verb, with its words already told apart. */
export interface Call {
  /** The first argument in one shot, when the verb needs a server. */
  readonly server: string | undefined;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Words of the lines of a script that follow this one: none of them is wanted after a line that failed. */
  readonly following?: readonly (readonly string[])[];
}

/** The text of an option that takes a value. */
export function textOption(call: Call, name: string): string | undefined {
  const value = call.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** False at the prompt for what only a new session has use for: most verbs work in the open one, unless others are named. */
export function isOfUseAtPrompt(
  { needsServer }: Command,
  { forFirstContact }: Option,
  namesServers: boolean,
): boolean {
  return forFirstContact !== true || !needsServer || namesServers;
}

/** The verb with what follows it, as help shows it. */
export function usageOf(
  { name, usage, needsServer }: Command,
  where: 'prompt' | 'one-shot',
): string {
  const server = needsServer && where === 'one-shot' ? '<server>' : '';
  return [name, server, usage].filter((part) => part !== '').join(' ');
}
