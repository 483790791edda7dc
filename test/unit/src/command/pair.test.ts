import { expect, test } from 'vitest';
import { run } from '#src/command/pair.js';
import type { Context } from '#src/context.js';

test.each([
  ['\u001b[2J', '\\u{1b}[2J'],
  ['0', '0'],
  ['101', '101'],
])('%j machines cannot share a code, and it is quoted', async (word, shown) => {
  const call = { server: undefined, words: [], options: { 'pair-many': word } };
  await expect(run({} as unknown as Context, call)).rejects.toMatchObject({
    code: 'usage',
    message: `"${shown}" machines cannot share a code`,
  });
});
