import { allEnded, gate } from '#sharing/batch/gate.js';
import { expect, test } from 'vitest';

test('a gate lets all through who wait, once', async () => {
  const one = gate();
  const through: string[] = [];
  one.open();
  const all = ['a', 'b'].map((name) => one.wait().then(() => through.push(name)));
  await Promise.resolve();
  // What was opened before nobody waited is not open any more.
  expect(through).toEqual([]);
  one.open();
  void one.wait().then(() => through.push('c'));
  await Promise.all(all);
  expect(through).toEqual(['a', 'b']);
});

test('what one half still does does not outlive the other, and of two failures the first in the list is thrown', async () => {
  let ended = false;
  const late = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    ended = true;
  });
  await expect(
    allEnded([late, Promise.reject(new Error('first')), Promise.resolve()]),
  ).rejects.toThrow('first');
  expect(ended).toBe(true);
  const slow = new Promise<void>((_, reject) => setImmediate(reject, new Error('slow')));
  await expect(allEnded([slow, Promise.reject(new Error('quick'))])).rejects.toThrow('slow');
  await expect(allEnded([Promise.resolve()])).resolves.toBeUndefined();
});
