import { expect, test } from 'vitest';
import { describeSettings } from '#config/describe.js';
import { helpText, verbHelp } from '#src/command/help-text.js';
import { commandsAt, registry } from '#src/command/registry.js';

test('help lists every verb that exists there, and every setting', () => {
  for (const where of ['prompt', 'one-shot'] as const) {
    for (const { name, summary } of commandsAt(where)) {
      expect(helpText(where)).toMatch(new RegExp(`^  ${name}\\b.*${summary.slice(0, 20)}`, 'm'));
    }
  }
  for (const { flag, meaning } of describeSettings()) {
    expect(helpText('one-shot')).toContain(`--${flag} <`);
    expect(helpText('one-shot')).toContain(meaning);
  }
});

test('the help of a verb shows its uses, names, options and examples', () => {
  for (const command of registry) {
    const text = verbHelp(command);
    expect(text.startsWith(`${command.name}: ${command.summary}\n`)).toBe(true);
    expect(text.endsWith('\n')).toBe(true);
    expect(text.includes('at the prompt')).toBe(command.where !== 'one-shot');
    expect(text.includes(`lanpost ${command.name}`)).toBe(command.where !== 'prompt');
    for (const word of [...command.aliases, ...command.examples]) expect(text).toContain(word);
    for (const { name, meaning } of command.options) {
      expect(text).toContain(`--${name}`);
      expect(text).toContain(meaning);
    }
    for (const one of describeSettings()) {
      expect(text.includes(`--${one.flag} <`)).toBe(command.settings?.includes(one.key) === true);
    }
  }
});

test('on a narrow screen no line of help is broken by the screen, and no word is lost', () => {
  const words = (text: string): string => text.replace(/\s+/g, ' ');
  const texts = (columns?: number): string[] => [
    helpText('prompt', columns),
    helpText('one-shot', columns),
    ...registry.map((command) => verbHelp(command, columns)),
  ];
  const whole = texts();
  for (const [at, text] of texts(60).entries()) {
    expect(text.split('\n').filter((line) => line.length > 60)).toEqual([]);
    expect(words(text)).toBe(words(whole[at] ?? ''));
  }
});
