import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepLine, readHistory } from '#src/shell/history.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-history-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function keep(...lines: readonly string[]): void {
  for (const line of lines) keepLine(folder, line);
}

test('the lines of all shells are there, newest first, each once', () => {
  expect(readHistory(folder)).toEqual([]);
  keep('scan', 'connect amber');
  expect(readHistory(folder)).toEqual(['connect amber', 'scan']);
  // Two shells take turns; neither knows of the other.
  keep('rlist', 'scan', 'get a.txt');
  expect(readHistory(folder)).toEqual(['get a.txt', 'scan', 'rlist', 'connect amber']);
});

test.skipIf(process.platform === 'win32')('nobody else may read it', async () => {
  keep('scan');
  expect((await stat(join(folder, 'history'))).mode & 0o777).toBe(0o600);
  await writeFile(join(folder, 'history'), 'old\n'.repeat(1001));
  readHistory(folder);
  expect((await stat(join(folder, 'history'))).mode & 0o777).toBe(0o600);
});

test('a code that was typed at the prompt is not kept', async () => {
  keep('K7QF-3M2X', 'connect amber k7qf-3m2x', 'k7qf3m2x', 'get partials', '  ');
  expect(await readFile(join(folder, 'history'), 'utf8')).toBe('get partials\n');
});

test('a name that could be a code without its dash is kept', async () => {
  keep('connect server12', 'get DSC01234', ' k7qf3m2x ');
  expect(readHistory(folder)).toEqual(['get DSC01234', 'connect server12']);
  expect(await readFile(join(folder, 'history'), 'utf8')).not.toContain('k7qf3m2x');
});

test('it never grows without end, and then keeps the newest', async () => {
  const lines = Array.from({ length: 1200 }, (_, at) => `get ${at}.txt`);
  keep(...lines);
  expect(readHistory(folder)).toHaveLength(500);
  expect(readHistory(folder)[0]).toBe('get 1199.txt');
  const left = (await readFile(join(folder, 'history'), 'utf8')).trimEnd().split('\n');
  expect(left).toEqual(lines.slice(-500));
});

test('where it cannot be written nothing happens', () => {
  keepLine(join(folder, 'gone'), 'scan');
  expect(readHistory(join(folder, 'gone'))).toEqual([]);
});
