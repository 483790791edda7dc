import { isOfUseAtPrompt, type Command, type Option, type Takes } from '#src/command/command.js';
import { commandsAt, findCommand, registry } from '#src/command/registry.js';
import { exactSizes } from '#src/command/shared-options.js';
import { shells } from '#src/completion/shells.js';
import { withSlashes } from '#src/local-path.js';

/** What can stand after these words, where `typed` is the beginning of one more. */
export async function wantedAt(
  words: readonly string[],
  typed: string,
  sources: Sources,
  platform: NodeJS.Platform,
): Promise<Wanted> {
  const [verb, ...given] = words;
  if (verb === undefined) return { ...nothing, candidates: verbs(typed) };
  const command = findCommand(verb, 'prompt');
  if (!command) return nothing;
  const options = [...command.options, exactSizes];
  const isOver = given.includes('--');
  const namesServers = given.some((word) => /^--to(=|$)/.test(word));
  const asked = isOver
    ? undefined
    : options.find(({ name, value }) => value !== undefined && given.at(-1) === `--${name}`);
  if (asked) return valuesOf(asked, '', typed, { sources, platform });
  const assigned = isOver ? null : /^--([^=]+)=(.*)$/s.exec(typed);
  if (assigned) {
    const [, name = '', value = ''] = assigned;
    const option = options.find((one) => one.name === name);
    return option ? valuesOf(option, `--${name}=`, value, { sources, platform }) : nothing;
  }
  if (typed.startsWith('-') && !isOver) {
    const useful = options.filter((one) => isOfUseAtPrompt(command, one, namesServers));
    return { ...nothing, candidates: optionsLeft(useful, given) };
  }
  const before = argumentsIn(given, options);
  if (command.takes === undefined || before >= mostOf(command)) return nothing;
  const found = await namesOf(
    command.takes,
    typed,
    { sources, platform },
    command.inLocalFolder === true,
  );
  // What begins with a dash would be read as an option.
  return isOver
    ? found
    : {
        ...found,
        candidates: found.candidates.filter(
          ({ value }) => found.before !== '' || !value.startsWith('-'),
        ),
      };
}

/** One thing that can stand there. */
export interface Candidate {
  readonly value: string;
  /** What follows when it is the only one: a blank ends the word, all else goes on with it. */
  readonly ending: ' ' | '/' | '=' | '';
}

export interface Wanted {
  /** The part of the word that stays as it is: the folders of a path, the servers before a comma. */
  readonly before: string;
  readonly candidates: readonly Candidate[];
  readonly cut: boolean;
}

/** Names of one place. */
export interface Names {
  readonly names: readonly Name[];
  /** There may be more. */
  readonly cut: boolean;
}

export interface Name {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Where the names come from; each gives no names in place of failing. */
export interface Sources {
  servers(): Promise<readonly string[]>;
  /** What a folder of this machine holds; `inLocalFolder` says where a relative path begins. */
  local(folder: string, inLocalFolder: boolean): Promise<Names>;
  /** What a folder of the open session's server holds; a path, empty for the share. */
  remote(folder: string): Promise<Names>;
}

const nothing: Wanted = { before: '', candidates: [], cut: false };

/** Every verb; an alias only where nothing else is meant. */
function verbs(typed: string): readonly Candidate[] {
  const here = commandsAt('prompt');
  const names = here.map(({ name }) => name);
  const meant = names.some((name) => name.startsWith(typed))
    ? names
    : here.flatMap(({ aliases }) => aliases);
  return meant.map(whole);
}

function optionsLeft(options: readonly Option[], given: readonly string[]): readonly Candidate[] {
  return options
    .filter(
      ({ name }) => !given.some((word) => word === `--${name}` || word.startsWith(`--${name}=`)),
    )
    .map(({ name }) => whole(`--${name}`));
}

/** How many of the words are neither options nor values of them. */
function argumentsIn(given: readonly string[], options: readonly Option[]): number {
  const takesNext = (word: string | undefined): boolean =>
    options.some(({ name, value }) => value !== undefined && word === `--${name}`);
  return given.filter((word, at) => !word.startsWith('-') && !takesNext(given[at - 1])).length;
}

/** After a server comes a port, which nobody can guess. */
function mostOf({ takes, most }: Command): number {
  return takes === 'server' ? 1 : most;
}

/** What is asked for names, and how its machine writes paths. */
interface Where {
  readonly sources: Sources;
  readonly platform: NodeJS.Platform;
}

async function valuesOf(
  { takes, value = '' }: Option,
  head: string,
  typed: string,
  where: Where,
): Promise<Wanted> {
  const under = ({ before, ...found }: Wanted): Wanted => ({ ...found, before: head + before });
  if (takes === undefined) {
    const choices = value.includes('|') ? value.split('|').map(whole) : [];
    return under({ ...nothing, candidates: choices });
  }
  if (takes !== 'server') return under(await namesOf(takes, typed, where, false));
  const before = typed.slice(0, typed.lastIndexOf(',') + 1);
  const named = before.split(',');
  const servers = (await where.sources.servers()).filter((name) => !named.includes(name));
  const all = before === '' ? ['all'] : [];
  return under({ ...nothing, before, candidates: [...servers, ...all].map(whole) });
}

async function namesOf(
  takes: Takes,
  typed: string,
  { sources, platform }: Where,
  inLocalFolder: boolean,
): Promise<Wanted> {
  switch (takes) {
    case 'verb':
      return { ...nothing, candidates: registry.map(({ name }) => whole(name)) };
    case 'shell':
      return { ...nothing, candidates: shells.map(whole) };
    case 'server':
      return { ...nothing, candidates: (await sources.servers()).map(whole) };
    case 'local':
    case 'remote': {
      const path = takes === 'local' ? withSlashes(typed, platform) : typed;
      const before = typed.slice(0, path.lastIndexOf('/') + 1);
      const { names, cut } = await (takes === 'local'
        ? sources.local(before, inLocalFolder)
        : sources.remote(before.replace(/\/+$/, '')));
      // What begins with a dot is never sent, and there are many of them.
      const hidden = typed.slice(before.length).startsWith('.');
      const candidates = names
        .filter(({ name }) => hidden || !name.startsWith('.'))
        .map(({ name, isFolder }): Candidate => ({ value: name, ending: isFolder ? '/' : ' ' }));
      return { before, candidates, cut };
    }
  }
}

function whole(value: string): Candidate {
  return { value, ending: ' ' };
}
