import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeSettings } from '#config/describe.js';
import { registry } from '#src/command/registry.js';
import { mayReadManuals } from '../support/privileges.js';

const dist = join(import.meta.dirname, '../../dist');
const page = join(dist, 'lanpost.1');
const there = mayReadManuals();

test.skipIf(!there)('man shows the page that was built, whole and without a warning', () => {
  const { stdout, stderr, status } = spawnSync('man', ['--warnings=all', '-l', page], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '200', MAN_KEEP_FORMATTING: '' },
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  const words = stdout.replace(/\s+/g, ' ');
  for (const { name, summary, options, examples } of registry) {
    expect(words).toMatch(new RegExp(`\\b${name}\\b`));
    expect(words).toContain(summary);
    for (const option of options) expect(words).toContain(`--${option.name}`);
    for (const example of examples) expect(words).toContain(example);
  }
  for (const { flag, meaning } of describeSettings()) {
    expect(words).toContain(`--${flag} <`);
    expect(words).toContain(meaning);
  }
});

test.skipIf(!there)('mandoc, which other systems use, finds nothing wrong with it', () => {
  const { stdout, status } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', page], {
    encoding: 'utf8',
  });
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
});

test('the program prints the same page', () => {
  const words = [join(dist, 'lanpost.js'), 'help', '--man'];
  const printed = execFileSync(process.execPath, words, { encoding: 'utf8' });
  expect(printed).toMatch(
    /^\.TH LANPOST 1 \d{4}-\d\d-\d\d "lanpost \d+\.\d+\.\d+" "User Commands"$/m,
  );
  expect(printed.split('\n').length).toBeGreaterThan(300);
});
