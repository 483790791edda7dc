import { describeSettings } from '#config/describe.js';
import { usageOf, type Command } from '#src/command/command.js';
import { commandsAt } from '#src/command/registry.js';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documents, headingsOf, linksOf, tableOf } from '../../support/documents.js';

const root = join(import.meta.dirname, '..', '..', '..');

test.each(documents())('each link of %s leads somewhere', (document) => {
  const lost = linksOf(document).filter(({ path, heading }) => {
    if (!existsSync(join(root, path))) return true;
    return heading !== '' && !headingsOf(path).includes(heading);
  });
  expect(lost).toEqual([]);
});

test('links and headings are read as they are written', () => {
  expect(linksOf('README.md')).toContainEqual({ path: 'sharing/PROTOCOL.md', heading: '' });
  expect(headingsOf('README.md')).toContain('when-it-does-not-work');
});

describe('README', () => {
  const verbs = tableOf('README.md', 'at the prompt');

  test.each([
    ['prompt', 0],
    ['one-shot', 1],
  ] as const)('has every verb of the %s, as it is used, and no other', (where, column) => {
    const cells = verbs.map((row) => row[column] ?? '').filter((cell) => cell !== '');
    const shown = cells.map((cell) => /^`(?:lanpost )?([^`]*)`/.exec(cell)?.[1] ?? cell);
    const commands = commandsAt(where);
    const unknown = shown.filter(
      (usage) => !commands.some((one) => uses(one, where).includes(usage)),
    );
    expect(unknown).toEqual([]);
    const missing = commands.filter(
      (one) => !uses(one, where).some((usage) => shown.includes(usage)),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  test('has every setting with its default and meaning, and no other', () => {
    const rows = describeSettings().map(({ key, defaultText, meaning }) => [
      `\`${key}\``,
      `\`${defaultText}\``,
      meaning,
    ]);
    expect(tableOf('README.md', 'setting')).toEqual(rows);
  });

  test('quotes the program as it speaks', () => {
    const program = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
      .join('');
    const symptoms = tableOf('README.md', 'symptom').map(([symptom = '']) => symptom);
    const quoted = symptoms.flatMap((words) => [...words.matchAll(/"([^"]+)"/g)]);
    expect(quoted.length).toBeGreaterThan(5);
    // Numbers stand for what the program fills in.
    const pieces = quoted.flatMap(([, words = '']) => words.split(/ ?\d+ ?/));
    expect(pieces.filter((piece) => !program.includes(piece))).toEqual([]);
  });
});

/** A verb under each of its names; what follows may be shortened to `...` where words are many. */
function uses(command: Command, where: 'prompt' | 'one-shot'): string[] {
  return [command.name, ...command.aliases].flatMap((name) => {
    const usage = usageOf({ ...command, name }, where);
    return [usage, usage.replace(/ \[.*\] \.\.\.$/, ' ...')];
  });
}
