import { exitCodes, exitMeanings } from '#src/exit-codes.js';
import { helpText } from '#src/command/help-text.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
const rows = names.map((name) => [String(exitCodes[name]), exitMeanings[exitCodes[name]]]);

test('README has the table of exit codes, and no other row', async () => {
  const text = await readFile(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const [, table = ''] = /\| exit \|.*\n\|.*\n((?:\|.*\n)+)/.exec(text) ?? [];
  const found = table
    .trimEnd()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(found).toEqual(rows);
});

test('help has it too, and no other row', () => {
  const [, table = ''] = helpText('one-shot').split('exit codes\n');
  const found = [...table.matchAll(/^ {2}(\d+) +(\S.*)$/gm)].map(([, ...row]) => row);
  expect(found).toEqual(rows);
});
