import { describeSettings } from '#config/describe.js';
import type { SettingKey } from '#config/settings.js';
import { exitMeanings } from '#src/exit-codes.js';
import { usageOf, type Command, type Option } from './command.js';
import { twoColumns, wrapped, type Row } from '#src/view/wrap.js';
import { commandsAt } from './registry.js';
import { globalOptions } from './shared-options.js';

/** What every verb understands, and what lanpost answers without one. */
export const sharedOptions: readonly Row[] = [
  ...globalOptions.map(optionRow),
  ['--version', 'print the version'],
];

/** The overview, derived from the registry and the table of settings, for a screen so many columns wide. */
export function helpText(where: 'prompt' | 'one-shot', columns = Infinity): string {
  const table = (of: readonly Row[]): string[] => twoColumns(of, columns);
  const rows = commandsAt(where).map((command) => verbRow(command, where));
  if (where === 'prompt') return lines(['verbs', ...table(rows), '', 'help <verb> says more']);
  const atPrompt = commandsAt('prompt')
    .filter((command) => command.where === 'prompt')
    .map((command) => verbRow(command, 'prompt'));
  return lines([
    ...wrapped('lanpost finds the machines on your network and passes files between them', columns),
    '',
    'usage: lanpost [verb] [options]; without a verb: the prompt',
    '',
    'verbs',
    ...table(rows),
    '',
    ...wrapped('only at the prompt, where the others work with the connected server', columns),
    ...table(atPrompt),
    '',
    'options',
    ...table(sharedOptions),
    '',
    ...wrapped(
      'settings (also in config.json and the environment; lanpost config shows them)',
      columns,
    ),
    ...table(describeSettings().map(settingRow)),
    '',
    'exit codes',
    ...table(Object.entries(exitMeanings)),
  ]);
}

/** Everything about one verb. */
export function verbHelp(command: Command, columns = Infinity): string {
  const table = (of: readonly Row[]): string[] => twoColumns(of, columns);
  const { name, aliases, summary, options, settings = [], notes = [], examples, where } = command;
  const uses: Row[] = [];
  if (where !== 'one-shot') uses.push(['at the prompt', usageOf(command, 'prompt')]);
  if (where !== 'prompt') uses.push(['in one shot', `lanpost ${usageOf(command, 'one-shot')}`]);
  if (aliases.length > 0) uses.push(['also called', aliases.join(', ')]);
  return lines([
    ...wrapped(`${name}: ${summary}`, columns),
    ...table(uses),
    ...(options.length > 0 ? ['', 'options', ...table(options.map(optionRow))] : []),
    ...(settings.length > 0
      ? ['', ...wrapped(settingsTitle, columns), ...table(settingRows(settings))]
      : []),
    ...(notes.length > 0 ? ['', ...notes.flatMap((note) => wrapped(note, columns))] : []),
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

const settingsTitle = 'settings, given where lanpost starts (lanpost --help has all)';

function settingRows(keys: readonly SettingKey[]): Row[] {
  return describeSettings()
    .filter(({ key }) => keys.includes(key))
    .map(settingRow);
}

function settingRow({
  flag,
  placeholder,
  meaning,
}: ReturnType<typeof describeSettings>[number]): Row {
  return [`--${flag} <${placeholder}>`, meaning];
}

function optionRow({ name, short, value, meaning }: Option): Row {
  const long = value === undefined ? `--${name}` : `--${name} <${value}>`;
  return [short === undefined ? long : `-${short}, ${long}`, meaning];
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
