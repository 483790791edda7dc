import { shortInput } from '#src/process/short-input.js';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';

const never = new AbortController().signal;

test('it is read once, and all who ask get it', async () => {
  const read = shortInput(Readable.from(['K7QF-', '3M2X\n']), never);
  expect(await Promise.all([read(), read()])).toEqual(['K7QF-3M2X\n', 'K7QF-3M2X\n']);
  expect(await read()).toBe('K7QF-3M2X\n');
});

test('an interrupt ends the waiting for what nobody types', async () => {
  const input = new PassThrough();
  input.write('K7');
  const stop = new AbortController();
  const text = shortInput(input, stop.signal)();
  stop.abort();
  await expect(text).rejects.toMatchObject({ code: 'cancelled' });
  await expect(shortInput(new PassThrough(), stop.signal)()).rejects.toMatchObject({
    code: 'cancelled',
  });
});

test('what is longer than any code is refused', async () => {
  const read = shortInput(Readable.from(['x'.repeat(1001)]), never);
  await expect(read()).rejects.toMatchObject({ code: 'usage' });
});
