import { expect, test } from 'vitest';
import { parseCommandLine, parsePromptLine } from '#src/arguments.js';
import { commandsAt, findCommand, registry } from '#src/command/registry.js';
import { splitLine } from '#src/shell/words.js';

test('no two verbs share a name', () => {
  const names = registry.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(new Set(names).size).toBe(names.length);
});

test('a verb is found by each of its names where it exists, and nowhere else', () => {
  for (const where of ['prompt', 'one-shot'] as const) {
    for (const command of registry) {
      const here = command.where === 'both' || command.where === where;
      for (const name of [command.name, ...command.aliases]) {
        expect(findCommand(name, where)).toBe(here ? command : undefined);
      }
    }
    expect(findCommand('', where)).toBeUndefined();
    expect(findCommand('toString', where)).toBeUndefined();
  }
});

test('the verbs that people and scripts were promised', () => {
  const names = (where: 'prompt' | 'one-shot') =>
    commandsAt(where).flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(names('prompt')).toEqual(
    expect.arrayContaining(
      'scan connect rlist ls list llist lls get put bye quit config help'.split(' '),
    ),
  );
  expect(names('one-shot')).toEqual(
    expect.arrayContaining('scan list get put serve config help'.split(' ')),
  );
});

const examples = registry.flatMap(({ name, examples: lines }) =>
  lines.map((line) => [line, name] as const),
);

test.each(examples)('the example works: %s', (line, name) => {
  const words = splitLine(line.replace(/^[A-Z_]+=\S+ /, ''), 'linux').words;
  const { command } =
    words[0] === 'lanpost' ? parseCommandLine(words.slice(1)) : parsePromptLine(words);
  expect(command?.name).toBe(name);
});

test.each(registry.map((command) => [command.name, command] as const))(
  '%s is described, and can be loaded',
  async (_, command) => {
    expect(command.examples).not.toHaveLength(0);
    expect(command.summary).toMatch(/^[a-z][^\n]*[^.\n]$/);
    expect(command.least).toBeLessThanOrEqual(command.most);
    for (const { name, meaning } of command.options) {
      expect(name).toMatch(/^[a-z][a-z-]*$/);
      expect(meaning).toMatch(/^[a-z][^\n]*[^.\n]$/);
    }
    expect((await command.load()).run).toBeTypeOf('function');
  },
);
