import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Answer } from '#src/view/answer.js';
import { textLines } from '#src/view/text.js';
import { createView } from '#src/view/view.js';
import { readAll } from '../../../support/read-all.js';

function open(json: boolean) {
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 60 });
  const error = Object.assign(new PassThrough(), { isTTY: true, columns: 60 });
  const view = createView({ output, error, json, quiet: false });
  return { view, output, error, shown: () => readAll(output) };
}

const row = { event: 'entry', path: 'a', type: 'folder', size: 0, mtime: 0 } as const;

test('colours are there once they are wanted, and never in JSON', () => {
  for (const json of [false, true]) {
    const { view, shown } = open(json);
    view.show(row);
    expect(shown()).not.toContain('\u001b[1');
    view.colorize({ output: true, error: true });
    view.show(row);
    expect(shown().includes('\u001b[1')).toBe(!json);
  }
});

test('a remark is broken between words, and keeps where it begins', () => {
  const { view, error } = open(false);
  view.note('  these are more words than a narrow screen of sixty columns has room for\n  lo');
  expect(readAll(error)).toBe(
    '  these are more words than a narrow screen of sixty columns\n  has room for\n  lo\n',
  );
});

test('a reader that went away hears no more', () => {
  const { view, output } = open(false);
  expect(view.isHeard()).toBe(true);
  output.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  expect([view.isHeard(), view.styled({ long: true }).isHeard()]).toEqual([false, false]);
});

test('each stream has its own colours', () => {
  const { view, shown, error } = open(false);
  view.colorize({ output: false, error: true });
  view.show(row);
  view.warn('no');
  expect(shown()).not.toContain('\u001b[1');
  expect(readAll(error)).toContain('\u001b[31mlanpost:');
});

test('one view may draw otherwise than another on the same screen', () => {
  const { view, shown } = open(false);
  const exact = view.styled({ bytes: true });
  const file = { ...row, type: 'file', size: 2048 } as const;
  exact.show(file);
  view.show(file);
  exact.styled({ long: true }).show(file);
  expect(
    shown()
      .match(/2048 B|2 KiB|\+\d{4}/g)
      ?.slice(0, 3),
  ).toEqual(['2048 B', '2 KiB', '2048 B']);
});

test('long lines fit the screen', () => {
  const { view, shown } = open(false);
  const server = {
    event: 'server',
    name: 'amber',
    id: 'A'.repeat(52),
    port: 30_001,
    code: false,
  } as const;
  view.show({ ...server, addresses: ['192.168.1.20', '10.0.0.20'], marks: [] });
  expect(
    Math.max(
      ...shown()
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(60);
});

test.each([
  ['xterm', true],
  [undefined, true],
  ['dumb', false],
])('a terminal of the kind %s is drawn over: %s', (TERM, expected) => {
  const [output, error] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })];
  const environment = TERM === undefined ? {} : { TERM };
  const view = createView({ output, error, json: false, quiet: false, environment });
  expect(view.isLive).toBe(expected);
  view.status.draw('one');
  view.note('a remark');
  const shown = readAll(error);
  expect(shown.includes('\u001b')).toBe(expected);
  expect(shown).toContain('a remark\n');
});

test('long lines of status and peers fit the screen, whole', () => {
  const id = 'A'.repeat(52);
  const transfer = { direction: 'out', path: 'a-long-name-of-a-film.mkv', files: null } as const;
  const answers: readonly Answer[] = [
    { event: 'peer', id, name: 'a-laptop-in-the-attic', rights: ['read', 'write', 'replace'] },
    { event: 'pin', id, place: '192.168.178.120:30001' },
    {
      event: 'client',
      id,
      name: 'attic',
      address: '192.168.178.120',
      as: 'peer',
      rights: ['read', 'write'],
      since: '2026-11-20T18:22:31Z',
    },
    {
      event: 'transfer',
      client: 'attic',
      ...transfer,
      bytes: 2 ** 30,
      size: 3 * 2 ** 30,
      rate: 110 * 2 ** 20,
    },
  ] as unknown as readonly Answer[];
  for (const answer of answers) {
    const { view, shown } = open(false);
    view.show(answer);
    const text = shown();
    const whole = textLines(answer);
    expect(whole.length).toBeGreaterThan(61);
    expect(text.split(/\s+/)).toEqual(whole.split(/\s+/));
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  }
});
