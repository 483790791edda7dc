import { describeSettings, type SettingDescription } from '#config/describe.js';
import type { Flags } from '#config/layers.js';
import { nearest } from '#config/nearest.js';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import {
  isOfUseAtPrompt,
  usageOf,
  type Call,
  type Command,
  type Option,
} from './command/command.js';
import { commandsAt, findCommand } from './command/registry.js';
import { exactSizes, globalOptions } from './command/shared-options.js';
import { ProgramError } from './failure.js';
import { quote } from './view/quote.js';

/** A whole command line, told apart. */
export interface CommandLine {
  readonly command: Command | undefined;
  readonly call: Call;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly help: boolean;
  readonly bytes: boolean;
  readonly configFile: string | undefined;
  /** Settings that were given as flags, by their key. */
  readonly flags: Flags;
}

/** Tells the words of a one-shot command apart. Throws ProgramError `usage`. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const settings = describeSettings();
  const flags: readonly Option[] = settings.map(({ flag, placeholder, meaning }) => ({
    name: flag,
    value: placeholder,
    meaning,
  }));
  const plain = withBareValues(words, settings);
  const shared = [...globalOptions, ...flags];
  // Which word is the verb can only be told once every option is known to take a value or not.
  const anyOption = commandsAt('one-shot').flatMap(({ options }) => options);
  const [verb] = parse(plain, [...shared, ...anyOption]).positionals;
  const command = verb === undefined ? undefined : mustFind(verb, 'one-shot');
  const { values, positionals } = parse(plain, [...shared, ...(command?.options ?? [])]);
  const keys = new Map(settings.map(({ flag, key }) => [flag, key]));
  const given = Object.entries(values).flatMap(([name, value]) => {
    const key = keys.get(name);
    return key === undefined || typeof value !== 'string' ? [] : [[key, value] as const];
  });
  const help = values['help'] === true;
  const noColor = values['no-color'] === true ? { color: 'never' } : {};
  return {
    command,
    call: command && !help ? oneShotCall(command, positionals.slice(1), values) : noCall(values),
    json: values['json'] === true,
    quiet: values['quiet'] === true,
    help,
    bytes: values['bytes'] === true,
    configFile: typeof values['config'] === 'string' ? values['config'] : undefined,
    flags: { ...noColor, ...Object.fromEntries(given) },
  };
}

/** A line at the prompt, told apart. */
export interface PromptLine {
  readonly command: Command;
  readonly call: Call;
}

/** Tells the words of a line at the prompt apart. Throws ProgramError `usage`. */
export function parsePromptLine(words: readonly string[]): PromptLine {
  const [verb = '', ...rest] = words;
  const command = mustFind(verb, 'prompt');
  const { values, positionals } = parse(rest, [...command.options, exactSizes]);
  checkWords(command, positionals, 'prompt');
  checkFirstContact(command, values);
  return { command, call: { server: undefined, words: positionals, options: values } };
}

/** The verb, or why it is none here. Throws ProgramError `usage`. */
export function mustFind(verb: string, where: 'prompt' | 'one-shot'): Command {
  const command = findCommand(verb, where);
  if (command) return command;
  if (findCommand(verb, where === 'prompt' ? 'one-shot' : 'prompt')) {
    const [message, hint] =
      where === 'prompt'
        ? ['is no verb of the prompt', `in a terminal of its own: lanpost ${verb}`]
        : ['is a verb of the prompt', 'lanpost without a verb starts the prompt'];
    throw new ProgramError('usage', `"${quote(verb)}" ${message}`, hint);
  }
  const names = commandsAt(where).flatMap(({ name, aliases }) => [name, ...aliases]);
  const close = nearest(verb, names);
  const hint = close === undefined ? 'help lists the verbs' : `did you mean ${close}?`;
  throw new ProgramError('usage', `there is no verb "${quote(verb)}"`, hint);
}

function noCall(options: Values): Call {
  return { server: undefined, words: [], options };
}

function oneShotCall(command: Command, positionals: readonly string[], options: Values): Call {
  // Who names the servers in an option has only paths to name.
  if (!command.needsServer || options['to'] !== undefined) {
    checkWords(command, positionals, 'one-shot');
    return { server: undefined, words: positionals, options };
  }
  const [server, ...words] = positionals;
  if (server === undefined) {
    throw new ProgramError(
      'usage',
      'which server?',
      `usage: lanpost ${usageOf(command, 'one-shot')}`,
    );
  }
  checkWords(command, words, 'one-shot');
  return { server, words, options };
}

function checkWords(
  command: Command,
  words: readonly string[],
  where: 'prompt' | 'one-shot',
): void {
  const hint = `usage: ${where === 'one-shot' ? 'lanpost ' : ''}${usageOf(command, where)}`;
  if (words.length < command.least) {
    throw new ProgramError('usage', `${command.name} needs to know what`, hint);
  }
  if (words.length <= command.most) return;
  const extra = quote(words[command.most] ?? '');
  throw new ProgramError('usage', `"${extra}" is one word too many`, hint);
}

/** What the open session has no use for must not seem to be heeded; and what comes from standard input is lines here. */
function checkFirstContact(command: Command, values: Values): void {
  for (const option of command.options) {
    const { name, value = '', forFirstContact } = option;
    const given = values[name];
    if (forFirstContact !== true || given === undefined) continue;
    if (!isOfUseAtPrompt(command, option, values['to'] !== undefined)) {
      throw new ProgramError(
        'usage',
        `--${name} is for first contact, and ${command.name} works in the open session`,
        `connect <server> --${name} <${value}>`,
      );
    }
    if (given === '-') {
      throw new ProgramError(
        'usage',
        'standard input holds the commands',
        'put the code into a private file, or wait to be asked',
      );
    }
  }
}

type Values = Readonly<Record<string, string | boolean | undefined>>;

function parse(
  words: readonly string[],
  options: readonly Option[],
): { values: Values; positionals: string[] } {
  const config: ParseArgsConfig['options'] = Object.fromEntries(
    options.map(({ name, short, value }) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, ...(short !== undefined && { short }) }];
    }),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: config,
      allowPositionals: true,
      strict: true,
    });
    return { values: values as Values, positionals };
  } catch (error) {
    throw flagError(error, words, options);
  }
}

/** What parseArgs has to say, in our words; what else it throws is a fault. */
function flagError(error: unknown, words: readonly string[], options: readonly Option[]): unknown {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return unknownOption(words, options);
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return wrongValue(String(error), words, options);
    default:
      return error;
  }
}

/** All before the first that is unknown was understood, so that it is no value of another. */
function unknownOption(words: readonly string[], options: readonly Option[]): ProgramError {
  const names = options.map(({ name }) => name);
  const letters = options.map(({ short }) => short);
  const isKnown = (word: string): boolean =>
    word.startsWith('--')
      ? names.includes(nameOf(word))
      : Array.from(word.slice(1)).every((letter) => letters.includes(letter));
  const culprit = words.find((word) => /^--?[^-]/.test(word) && !isKnown(word)) ?? '';
  const close = nearest(nameOf(culprit), names);
  const hint =
    close === undefined
      ? 'help <verb> shows its options; a name that begins with a dash comes after --'
      : `did you mean --${close}?`;
  return new ProgramError('usage', `there is no option "${quote(culprit)}" here`, hint);
}

/** Every option is known: one has a value that it may not have, or lacks one. */
function wrongValue(
  message: string,
  words: readonly string[],
  options: readonly Option[],
): ProgramError {
  const [, name = ''] = /--([a-z-]+)/.exec(message) ?? [];
  const { value } = options.find((option) => option.name === name) ?? {};
  if (value === undefined) {
    return new ProgramError('usage', `--${name} takes no value`, 'help <verb> shows its options');
  }
  const next = words[words.indexOf(`--${name}`) + 1] ?? '';
  const isOption = options.some((option) => option.name === nameOf(next));
  const hint =
    /^-./.test(next) && !isOption
      ? `write --${name}=${quote(next)}`
      : `such as --${name}=<${value}>`;
  return new ProgramError('usage', `--${name} needs a value`, hint);
}

function nameOf(word: string): string {
  return word.replace(/^--?/, '').replace(/=.*$/, '');
}

/** A flag that may stand alone gets its bare value: `--open`; and `--open rw` is what people type for `--open=rw`. */
function withBareValues(
  words: readonly string[],
  settings: readonly SettingDescription[],
): string[] {
  const found: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return [...found, ...words.slice(at)];
    const setting = settings.find(({ flag }) => word === `--${flag}`);
    if (setting?.bareValue === undefined) {
      found.push(word);
      continue;
    }
    const next = words[at + 1] ?? '';
    const isChoice = setting.placeholder.split('|').includes(next);
    found.push(`${word}=${isChoice ? next : setting.bareValue}`);
    if (isChoice) at += 1;
  }
  return found;
}
