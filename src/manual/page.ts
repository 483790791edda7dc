import { describeSettings, type SettingDescription } from '#config/describe.js';
import { usageOf, type Command, type Option } from '#src/command/command.js';
import { sharedOptions } from '#src/command/help-text.js';
import { commandsAt, registry } from '#src/command/registry.js';
import { exitMeanings } from '#src/exit-codes.js';
import { bold, quoted, text, type RoffLine } from './roff.js';

/** The manual page lanpost(1) in man(7), from the same tables as help; `day` is the one on which it is made. */
export function manualPage(version: string, day: Date): string {
  const date = day.toISOString().slice(0, 10);
  return `${[
    // A date is only one with its own dashes.
    `.TH LANPOST 1 ${date} ${quoted(`lanpost ${version}`)} ${quoted('User Commands')}`,
    '.nh',
    ...section('NAME'),
    text('lanpost - finds the machines on a local network and passes files between them'),
    ...section('SYNOPSIS'),
    `${bold('lanpost')} ${text('[verb] [options]')}`,
    ...section('DESCRIPTION'),
    ...description.flatMap((words, index) => [...(index > 0 ? ['.PP'] : []), text(words)]),
    ...section('VERBS'),
    ...commandsAt('one-shot').flatMap((command) => verb(command, 'one-shot')),
    ...section('VERBS OF THE PROMPT'),
    text(
      'The verbs list, get and put work there with the connected server, which is not named again.',
    ),
    ...registry
      .filter(({ where }) => where === 'prompt')
      .flatMap((command) => verb(command, 'prompt')),
    ...section('OPTIONS'),
    ...sharedOptions.flatMap(([option, meaning]) => item(bold(option), text(meaning))),
    ...section('SETTINGS'),
    text(
      'Each can be given as a flag, in the environment or in config.json; the first of these wins.',
    ),
    ...describeSettings().flatMap(setting),
    ...section('FILES'),
    ...files.flatMap(([place, meaning]) => item(bold(place), text(meaning))),
    ...section('EXIT STATUS'),
    ...Object.entries(exitMeanings).flatMap(([code, meaning]) => item(bold(code), text(meaning))),
    ...section('EXAMPLES'),
    '.EX',
    ...registry.flatMap(({ examples }) => examples).map(text),
    '.EE',
    ...section('SEE ALSO'),
    `${bold('scp')}${text('(1),')}`,
    `${bold('rsync')}${text('(1)')}`,
  ].join('\n')}\n`;
}

const description = [
  'A server shares one folder; a client finds servers, lists them, gets and puts files. What travels is encrypted and verified, and goes on where it broke off. A file appears under its final name only when it is complete, verified and on the disk; a name that is taken gets a number.',
  'Without a verb on a terminal: the prompt. When standard input is no terminal, commands are read from it, a line each, until one fails; a line that begins with - may fail.',
  'A server is named by a known peer, a name from scan, a host name or an address, with :port if wanted: amber, 192.168.1.20:30001, [fe80::1%eth0]:30001.',
];

const files: readonly (readonly [string, string])[] = [
  [
    'LANPOST_HOME',
    'The state folder: the key of this device, whom it knows, config.json, the log and, from Node 22.8 on, what was compiled of the program. Without that variable $XDG_STATE_HOME/lanpost or ~/.local/state/lanpost (Linux), ~/Library/Application Support/lanpost (macOS) or %LOCALAPPDATA%\\lanpost (Windows).',
  ],
  ['serverDirectory', 'What is shared unless another folder is named, below the current folder.'],
  ['clientDirectory', 'What is received into, below the current folder.'],
];

function section(title: string): RoffLine[] {
  return [`.SH ${quoted(title)}`];
}

function verb(command: Command, where: 'prompt' | 'one-shot'): RoffLine[] {
  const { summary, aliases, options, notes = [] } = command;
  const also = aliases.length > 0 ? ` (also ${aliases.join(', ')})` : '';
  const lead = where === 'one-shot' ? 'lanpost ' : '';
  return [
    ...item(bold(`${lead}${usageOf(command, where)}`), text(`${summary}${also}`)),
    ...(options.length > 0 || notes.length > 0
      ? ['.RS', ...options.flatMap(option), ...remarks(notes), '.RE']
      : []),
  ];
}

function option({ name, short, value, meaning }: Option): RoffLine[] {
  const long = value === undefined ? `--${name}` : `--${name} <${value}>`;
  return item(bold(short === undefined ? long : `-${short}, ${long}`), text(meaning));
}

/** Lines of one paragraph. */
function remarks(notes: readonly string[]): RoffLine[] {
  return notes.length > 0 ? ['.PP', ...notes.map(text)] : [];
}

function setting(one: SettingDescription): RoffLine[] {
  const { flag, placeholder, meaning, variable, key, defaultText, allowed } = one;
  return [
    ...item(bold(`--${flag} <${placeholder}>`), text(meaning)),
    '.br',
    text(`${variable}, ${key}; by default ${defaultText}; ${allowed}`),
  ];
}

function item(title: RoffLine, meaning: RoffLine): RoffLine[] {
  return ['.TP', title, meaning];
}
