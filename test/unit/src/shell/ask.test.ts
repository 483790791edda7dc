import { askOnce } from '#src/shell/ask.js';
import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';

/** Asks on a terminal, until the question stands there. */
async function asked() {
  const input = new PassThrough();
  const output = new PassThrough();
  const stop = new AbortController();
  let shown = '';
  output.on('data', (part: Buffer) => {
    shown += part.toString();
  });
  const answer = askOnce(input, output, stop.signal)('sure? ');
  await vi.waitUntil(() => shown.includes('sure? '), { timeout: 15_000 });
  return { input, stop, answer };
}

test('what is typed is the answer', async () => {
  const { input, answer } = await asked();
  input.write('yes\r');
  expect(await answer).toBe('yes');
});

test('Ctrl-D answers nothing', async () => {
  const { input, answer } = await asked();
  input.write('\u0004');
  expect(await answer).toBe('');
});

test('Ctrl-C is an interrupt', async () => {
  const { input, answer } = await asked();
  input.write('\u0003');
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
});

test('a request to end ends the question too, and what would be asked after it', async () => {
  const { stop, answer } = await asked();
  stop.abort();
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
  const next = askOnce(new PassThrough(), new PassThrough(), stop.signal)('sure? ');
  await expect(next).rejects.toMatchObject({ code: 'cancelled' });
});
