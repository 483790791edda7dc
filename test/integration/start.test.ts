import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/temporary.js';

const dist = join(import.meta.dirname, '../../dist');

/** The files of ours that a start with these words has read when it ends. */
async function readBy(...words: string[]): Promise<string[]> {
  const hook = join(await temporaryFolder(), 'hook.cjs');
  await writeFile(
    hook,
    "process.on('exit', () => process.stderr.write(JSON.stringify(Object.keys(require.cache))));",
  );
  const arguments_ = ['--require', hook, join(dist, 'lanpost.js'), ...words];
  const { stderr } = await promisify(execFile)(process.execPath, arguments_);
  const names = (JSON.parse(stderr) as string[]).filter((place) => dirname(place) === dist);
  return names.map((place) => basename(place, '.js').replace(/-.{8}$/, '')).sort();
}

test('a start reads one file besides the program itself, and help two more', async () => {
  expect(await readBy('--version')).toEqual(['chunk-early', 'lanpost']);
  expect(await readBy('--help')).toEqual([
    'chunk-early',
    'chunk-rolldown-runtime',
    'chunk-words',
    'lanpost',
  ]);
});

test('it starts where env takes no options, as that of BusyBox', async () => {
  const [first] = (await readFile(join(dist, 'lanpost.js'), 'utf8')).split('\n');
  expect(first).toBe('#!/usr/bin/env node');
});
