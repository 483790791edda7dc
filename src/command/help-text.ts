import { describeSettings } from '#config/describe.js';
import { usageOf, type Command, type Option } from './command.js';
import { commandsAt } from './registry.js';

type Row = readonly [string, string];

/** The overview, derived from the registry and the table of settings. */
export function helpText(where: 'prompt' | 'one-shot'): string {
  const rows = commandsAt(where).map((command) => verbRow(command, where));
  if (where === 'prompt') return lines(['verbs', ...table(rows), '', 'help <verb> says more']);
  const atPrompt = commandsAt('prompt')
    .filter((command) => command.where === 'prompt')
    .map((command) => verbRow(command, 'prompt'));
  return lines([
    'lanpost finds the machines on your network and passes files between them',
    '',
    'usage: lanpost [verb] [options]     without a verb: the prompt',
    '',
    'verbs',
    ...table(rows),
    '',
    'only at the prompt, where the others work with the connected server',
    ...table(atPrompt),
    '',
    'options',
    ...table([
      ['--json', 'print one JSON event a line'],
      ['-q, --quiet', 'print only answers and errors'],
      ['--config <file>', 'read settings from this file'],
      ['--no-color', 'no colours'],
      ['-h, --help', 'explain lanpost, or one verb'],
      ['--version', 'print the version'],
    ]),
    '',
    'settings (also in config.json and the environment; lanpost config shows them)',
    ...table(describeSettings().map(settingRow)),
    '',
    'exit codes',
    ...table([
      ['0', 'done'],
      ['1', 'a fault in lanpost itself'],
      ['2', 'wrong use, or settings that cannot work'],
      ['3', 'nobody found, or not reachable'],
      ['4', 'not let in'],
      ['5', 'one or more files failed'],
      ['6', 'data arrived damaged'],
      ['7', 'no room, or over a limit'],
      ['8', 'interrupted'],
    ]),
  ]);
}

/** Everything about one verb. */
export function verbHelp(command: Command): string {
  const { name, aliases, summary, options, examples, where } = command;
  const uses: Row[] = [];
  if (where !== 'one-shot') uses.push(['at the prompt', usageOf(command, 'prompt')]);
  if (where !== 'prompt') uses.push(['in one shot', `lanpost ${usageOf(command, 'one-shot')}`]);
  if (aliases.length > 0) uses.push(['also called', aliases.join(', ')]);
  return lines([
    `${name}: ${summary}`,
    ...table(uses),
    ...(options.length > 0 ? ['', 'options', ...table(options.map(optionRow))] : []),
    '',
    'examples',
    ...examples.map((example) => `  ${example}`),
  ]);
}

function verbRow(command: Command, where: 'prompt' | 'one-shot'): Row {
  const { aliases, summary } = command;
  const also = aliases.length > 0 ? ` (also ${aliases.join(', ')})` : '';
  return [usageOf(command, where), `${summary}${also}`];
}

function settingRow({
  flag,
  placeholder,
  meaning,
}: ReturnType<typeof describeSettings>[number]): Row {
  return [`--${flag} <${placeholder}>`, meaning];
}

function optionRow({ name, value, meaning }: Option): Row {
  return [value === undefined ? `--${name}` : `--${name} <${value}>`, meaning];
}

/** Two columns, the left one as wide as it has to be. */
function table(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
