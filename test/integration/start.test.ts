import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const dist = join(import.meta.dirname, '../../dist');

/** The files of ours that are read with this one before anything in it runs. */
async function readWith(name: string): Promise<string[]> {
  const text = await readFile(join(dist, name), 'utf8');
  const own = [...text.matchAll(/^import (?:[^"]* from )?"\.\/([^"]+)";$/gm)].map(
    ([, one = '']) => one,
  );
  const others = await Promise.all(own.map(readWith));
  return [...new Set([...own, ...others.flat()])];
}

test('a start reads one file besides the program itself, and help one more', async () => {
  const [start, ...more] = await readWith('lanpost.js');
  expect(start).toMatch(/^chunk-start-/);
  expect(more).toEqual([]);
  const words = (await readdir(dist)).filter((name) => /^chunk-words-.*\.js$/.test(name));
  expect(words).toHaveLength(1);
  expect(await readWith(words[0] ?? '')).toEqual([start]);
});
