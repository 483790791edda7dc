import { describeSettings } from '#config/describe.js';
import type { Command, Option, Takes } from '#src/command/command.js';
import { commandsAt } from '#src/command/registry.js';
import { globalOptions } from '#src/command/shared-options.js';
import { shells } from './shells.js';

/** What may be typed after `lanpost`, as a shell has to know it. */
export interface Grammar {
  readonly verbs: readonly Verb[];
  /** Options of every verb. */
  readonly shared: readonly Flag[];
}

export interface Verb {
  /** The name that help shows first, then its others. */
  readonly names: readonly string[];
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** What stands at each place, the server included; the last one stands for all that follow. */
  readonly places: readonly Filling[];
  /** The place of the server is not there when `--to` names the servers. */
  readonly needsServer: boolean;
}

export interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly meaning: string;
  /** What its value is called; undefined for a switch. */
  readonly value?: string;
  readonly filling: Filling;
  /** A value belongs to it only after `=`. */
  readonly mayBeBare: boolean;
}

/** What a word may be: names of servers parted by commas, a file of this machine, one of a few words, or nobody knows. */
export type Filling =
  | { readonly kind: 'servers' | 'server' | 'local' | 'unknown' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

/** Everything of the registry and the settings that can be completed in one shot. */
export function grammar(): Grammar {
  const settings = describeSettings().map((setting): Flag => {
    const { flag, placeholder, meaning, bareValue } = setting;
    const isFolder = placeholder === 'folder';
    const filling = isFolder ? fillingOf('local') : alternatives(placeholder);
    return { name: flag, meaning, value: placeholder, filling, mayBeBare: bareValue !== undefined };
  });
  return {
    verbs: commandsAt('one-shot').map(verbOf),
    shared: [
      ...globalOptions.map(flagOf),
      { name: 'version', meaning: 'print the version', filling: unknown, mayBeBare: false },
      ...settings,
    ],
  };
}

const unknown: Filling = { kind: 'unknown' };

function verbOf(command: Command): Verb {
  const { name, aliases, summary, options, usage, needsServer, takes, most } = command;
  const first = alternatives(/[[<]([^\]>]*)[\]>]/.exec(usage)?.[1] ?? '');
  return {
    // What no shell takes as it stands is for the prompt.
    names: [name, ...aliases].filter((one) => /^[a-z]+$/.test(one)),
    summary,
    flags: options.map(flagOf),
    places: [
      ...(needsServer ? [fillingOf('server')] : []),
      ...(takes === undefined && first.kind === 'words' ? [first] : []),
      ...(takes === undefined ? [] : [fillingOf(takes)]),
      ...(most === Infinity ? [] : [unknown]),
    ],
    needsServer,
  };
}

function flagOf({ name, short, value, takes, meaning }: Option): Flag {
  const isList = takes === 'server' && value?.includes(',') === true;
  return {
    name,
    meaning,
    filling: isList ? { kind: 'servers' } : fillingOf(takes),
    mayBeBare: false,
    ...(value !== undefined && { value }),
    ...(short !== undefined && { short }),
  };
}

function fillingOf(takes: Takes | undefined): Filling {
  switch (takes) {
    case 'server':
    case 'local':
      return { kind: takes };
    case 'verb':
      return { kind: 'words', words: commandsAt('one-shot').map(({ name }) => name) };
    case 'shell':
      return { kind: 'words', words: shells };
    case 'remote':
    case undefined:
      return unknown;
  }
}

/** `on|off`, as usages and settings write it. */
function alternatives(text: string): Filling {
  return /^[a-z,-]+(\|[a-z,-]+)+$/.test(text) ? { kind: 'words', words: text.split('|') } : unknown;
}
