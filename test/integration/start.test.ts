import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const dist = join(import.meta.dirname, '../../dist');

/** The files of ours that are read with this one before anything in it runs. */
async function readWith(name: string): Promise<string[]> {
  const text = await readFile(join(dist, name), 'utf8');
  const own = [...text.matchAll(/^(?:const \w+ = )?require\("\.\/([^"]+)"\);$/gm)].map(
    ([, one = '']) => one,
  );
  const others = await Promise.all(own.map(readWith));
  const names = own.map((one) => one.replace(/-.{8}\.js$/, ''));
  return [...new Set([...names, ...others.flat()])];
}

test('a start reads one file besides the program itself, and help two more', async () => {
  expect(await readWith('lanpost.js')).toEqual(['chunk-early']);
  const words = (await readdir(dist)).filter((name) => /^chunk-words-.*\.js$/.test(name));
  expect(words).toHaveLength(1);
  const besides = ['chunk-early', 'chunk-rolldown-runtime'];
  expect((await readWith(words[0] ?? '')).sort()).toEqual(besides);
});

test('it starts where env takes no options, as that of BusyBox', async () => {
  const [first] = (await readFile(join(dist, 'lanpost.js'), 'utf8')).split('\n');
  expect(first).toBe('#!/usr/bin/env node');
});
