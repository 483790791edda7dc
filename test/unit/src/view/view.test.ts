import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createView } from '#src/view/view.js';

function open(json: boolean) {
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 60 });
  const error = Object.assign(new PassThrough(), { isTTY: true, columns: 60 });
  const view = createView({ output, error, json, quiet: false });
  return { view, output, error, shown: () => String((output.read() as Buffer | null) ?? '') };
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

test('each stream has its own colours', () => {
  const { view, shown, error } = open(false);
  view.colorize({ output: false, error: true });
  view.show(row);
  view.warn('no');
  expect(shown()).not.toContain('\u001b[1');
  expect(String(error.read())).toContain('\u001b[31mlanpost:');
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
