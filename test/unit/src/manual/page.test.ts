import { expect, test } from 'vitest';
import { describeSettings } from '#config/describe.js';
import { sharedOptions } from '#src/command/help-text.js';
import { registry } from '#src/command/registry.js';
import { exitMeanings } from '#src/exit-codes.js';
import { manualPage } from '#src/manual/page.js';
import { bold, quoted, text } from '#src/manual/roff.js';

const page = manualPage('1.2.3', new Date('2026-11-20T19:22:00Z'));
const lines = page.split('\n');

test('it says what it is about, of which version, and when it was made', () => {
  expect(lines[0]).toBe('.TH LANPOST 1 2026-11-20 "lanpost 1.2.3" "User Commands"');
  expect(page.endsWith('\n')).toBe(true);
});

test('every verb, option, example, setting and exit code is in it', () => {
  for (const { name, summary, options, notes = [], examples } of registry) {
    expect(page).toMatch(new RegExp(`^\\\\fB(lanpost )?${name}\\b`, 'm'));
    expect(page).toContain(text(summary));
    for (const { name: option, short, meaning } of options) {
      const letter = short === undefined ? '' : `-${short}, `;
      expect(page).toContain(`\\fB${text(`${letter}--${option}`)}`);
      expect(lines).toContain(text(meaning));
    }
    for (const one of notes) expect(lines).toContain(text(one));
    for (const one of examples) expect(lines).toContain(text(one));
  }
  for (const [option] of sharedOptions) expect(lines).toContain(bold(option));
  for (const { flag, variable, key, meaning } of describeSettings()) {
    expect(page).toContain(`\\fB${text(`--${flag}`)} <`);
    expect(page).toContain(`${variable}, ${key};`);
    expect(lines).toContain(text(meaning));
  }
  for (const [code, meaning] of Object.entries(exitMeanings)) {
    expect(lines.slice(lines.indexOf('.SH "EXIT STATUS"')).join('\n')).toContain(
      `.TP\n${bold(code)}\n${text(meaning)}\n`,
    );
  }
});

test('every variable that decides where the state folder is is named', () => {
  for (const variable of ['LANPOST_HOME', 'XDG_STATE_HOME', 'LOCALAPPDATA']) {
    expect(page).toContain(variable);
  }
});

test.each([
  ['.SH no request', '\\&.SH no request'],
  ["'no request", '\\(aqno request'],
  ['a\n.SH b', 'a .SH b'],
  ['--to "a\\b"', '\\-\\-to \\(dqa\\eb\\(dq'],
  ['~/x `y` ^', '\\(ti/x \\(gay\\(ga \\(ha'],
  ['über', '\\[u00FC]ber'],
])('no text is taken for anything else: %j', (words, roff) => {
  expect(text(words)).toBe(roff);
  expect(quoted(words).slice(1, -1)).not.toContain('"');
});
