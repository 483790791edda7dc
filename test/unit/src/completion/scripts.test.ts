import { describe, expect, test } from 'vitest';
import { describeSettings } from '#config/describe.js';
import { commandsAt } from '#src/command/registry.js';
import { globalOptions } from '#src/command/shared-options.js';
import { bashScript } from '#src/completion/bash.js';
import { fishScript } from '#src/completion/fish.js';
import { grammar, type Grammar } from '#src/completion/grammar.js';
import { zshScript } from '#src/completion/zsh.js';

const scripts = [
  ['bash', bashScript],
  ['zsh', zshScript],
  ['fish', fishScript],
] as const;

describe.each(scripts)('the script for %s', (shell, script) => {
  const text = script(grammar());
  const dashes = shell === 'fish' ? '-l ' : '--';

  test('knows every verb of one shot, every option and every setting', () => {
    for (const { name, options } of commandsAt('one-shot')) {
      expect(text).toMatch(new RegExp(`\\b${name}\\b`));
      for (const option of options) expect(text).toContain(`${dashes}${option.name}`);
    }
    for (const { name } of globalOptions) expect(text).toContain(`${dashes}${name}`);
    for (const { flag } of describeSettings()) expect(text).toContain(`${dashes}${flag}`);
  });

  test('says in its first lines how it is put to use, and ends with a line', () => {
    const [first = '', second = ''] = text.split('\n');
    expect(`${first}\n${second}`).toContain(`lanpost completion ${shell}`);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('holds what an option means as a word, whatever stands in it', () => {
    const evil = `it's \\ [a]: $(touch x)`;
    const one: Grammar = {
      verbs: [],
      shared: [{ name: 'evil', meaning: evil, filling: { kind: 'unknown' }, mayBeBare: false }],
    };
    const meant = {
      bash: '--evil',
      zsh: `'--evil[it'\\''s \\\\ \\[a\\]\\: $(touch x)]'`,
      fish: `-l evil -d 'it\\'s \\\\ [a]: $(touch x)'`,
    };
    expect(script(one)).toContain(meant[shell]);
  });
});

test('the script for fish asks for nothing that 3.0 lacks', () => {
  // Such a substitution is of 3.4.
  expect(fishScript(grammar())).not.toContain('$(');
});

test('a verb with a server has a place for it, and what lies there is not guessed', () => {
  const { verbs } = grammar();
  const placesOf = (name: string) => verbs.find(({ names }) => names.includes(name))?.places;
  expect(placesOf('get')).toEqual([{ kind: 'server' }, { kind: 'unknown' }]);
  expect(placesOf('put')).toEqual([{ kind: 'server' }, { kind: 'local' }]);
  expect(placesOf('scan')).toEqual([{ kind: 'unknown' }]);
  expect(placesOf('service')?.[0]).toEqual({ kind: 'local' });
  expect(placesOf('peers')?.[0]).toMatchObject({ kind: 'words' });
  expect(placesOf('connect')).toBeUndefined();
});
