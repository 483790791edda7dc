import { after } from '#sharing/soon.js';
import { expect, test } from 'vitest';

test('what is known now is gone on with now', () => {
  expect(after(2, (two) => two + 1)).toBe(3);
  expect(() =>
    after(2, () => {
      throw new Error('EIO');
    }),
  ).toThrow('EIO');
});

test('what will be known is gone on with then', async () => {
  const later = after(Promise.resolve(2), (two) => two + 1);
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toBe(3);
  expect(after(2, (two) => Promise.resolve(two))).toBeInstanceOf(Promise);
  await expect(after(Promise.reject(new Error('EIO')), () => 1)).rejects.toThrow('EIO');
});
