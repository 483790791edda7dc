import { describeSettings } from '#config/describe.js';
import type { Command, Option } from './command.js';
import { commandsAt } from './registry.js';

const column = 30;

/** The overview, derived from the registry and the table of settings. */
export function helpText(where: 'prompt' | 'one-shot'): string {
  const verbs = commandsAt(where).map((command) => row(usage(command, where), command.summary));
  if (where === 'prompt') return ['verbs', ...verbs, '', 'help <verb> says more', ''].join('\n');
  return [
    'lanpost finds the machines on your network and passes files between them',
    '',
    'usage: lanpost [verb] [options]     without a verb: the shell',
    '',
    'verbs',
    ...verbs,
    '',
    'options',
    row('--json', 'print one JSON event a line'),
    row('-q, --quiet', 'print only answers and errors'),
    row('--config <file>', 'read settings from this file'),
    row('-h, --help', 'explain lanpost, or one verb'),
    row('--version', 'print the version'),
    '',
    'settings (also in config.json and the environment; lanpost config shows them)',
    ...describeSettings().map(({ flag, placeholder, meaning }) =>
      row(`--${flag} <${placeholder}>`, meaning),
    ),
    '',
    'exit codes',
    row('0', 'done'),
    row('1', 'a fault in lanpost itself'),
    row('2', 'wrong use, or settings that cannot work'),
    row('3', 'nobody found, or not reachable'),
    row('4', 'not let in'),
    row('5', 'one or more files failed'),
    row('6', 'data arrived damaged'),
    row('7', 'no room, or over a limit'),
    row('8', 'interrupted'),
    '',
  ].join('\n');
}

/** Everything about one verb. */
export function verbHelp(command: Command): string {
  const { name, aliases, summary, options, examples, where } = command;
  const uses = [
    ...(where !== 'one-shot' ? [`  at the prompt   ${usage(command, 'prompt')}`] : []),
    ...(where !== 'prompt' ? [`  in one shot     lanpost ${usage(command, 'one-shot')}`] : []),
  ];
  return [
    `${name}: ${summary}`,
    ...uses,
    ...(aliases.length > 0 ? [`  also called     ${aliases.join(', ')}`] : []),
    ...(options.length > 0 ? ['', 'options', ...options.map(optionRow)] : []),
    '',
    'examples',
    ...examples.map((example) => `  ${example}`),
    '',
  ].join('\n');
}

function usage({ name, usage: words, needsServer }: Command, where: 'prompt' | 'one-shot'): string {
  const server = needsServer && where === 'one-shot' ? '<server>' : '';
  return [name, server, words].filter((part) => part !== '').join(' ');
}

function optionRow({ name, value, meaning }: Option): string {
  return row(value === undefined ? `--${name}` : `--${name} <${value}>`, meaning);
}

function row(left: string, right: string): string {
  const gap = left.length + 2 >= column ? '  ' : ' '.repeat(column - left.length - 2);
  return `  ${left}${gap}${right}`;
}
