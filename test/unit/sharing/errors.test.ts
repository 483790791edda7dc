import { expect, test } from 'vitest';
import { readingFrom, SharingError, writingTo } from '#sharing/errors.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed, open '/home/me/state/peers.json'`), { code });
}

async function afterFailing(error: Error): Promise<unknown> {
  return writingTo('/home/me/state', 'state-unwritable', () => Promise.reject(error)).catch(
    (known: unknown) => known,
  );
}

test.each([
  ['EACCES', 'state-unwritable'],
  ['EROFS', 'state-unwritable'],
  ['EIO', 'state-unwritable'],
  ['ENOSPC', 'no-room'],
  ['EDQUOT', 'no-room'],
])('%s while something is kept is %s, and only the facts name the place', async (errno, code) => {
  const cause = systemError(errno);
  const error = await afterFailing(cause);
  expect(error).toBeInstanceOf(SharingError);
  expect(error).toMatchObject({ code, cause, facts: { path: '/home/me/state', why: errno } });
  expect((error as Error).message).not.toContain('/');
});

test.each([
  new SharingError('state-busy', 'held'),
  new TypeError('x is not a function'),
  systemError('ERR_INVALID_ARG_TYPE'),
])('%s stays what it is', async (error) => {
  expect(await afterFailing(error)).toBe(error);
});

test('what fails while a share is read is a failure to read, but for faults of ours', async () => {
  const thrown = (code: string): Promise<never> =>
    readingFrom(() => Promise.reject(Object.assign(new Error(code), { code })));
  await expect(thrown('EIO')).rejects.toMatchObject({ code: 'read-failed', message: 'EIO' });
  await expect(thrown('ENOENT')).rejects.toMatchObject({ code: 'not-found' });
  await expect(thrown('ERR_INVALID_ARG_TYPE')).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
});
