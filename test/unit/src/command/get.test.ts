import type { TransferOptions } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { run } from '#src/command/get.js';
import type { Call } from '#src/command/command.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import type { Answer } from '#src/view/answer.js';
import { expect, test } from 'vitest';

/** `get` at a prompt whose session gives every file; Ctrl-C comes while the one of that name is being saved. */
async function get(
  words: readonly string[],
  interruptedAt?: string,
  more: Pick<Call, 'following'> = {},
) {
  const stop = new AbortController();
  const asked: string[] = [];
  const shown: Answer[] = [];
  const context = {
    atPrompt: true,
    workingFolder: '/',
    settings: { clientDirectory: 'mine', receivedPrefix: 'new_', ifTaken: 'number' },
    signal: stop.signal,
    noteFault: () => Promise.resolve(),
    view: {
      json: false,
      show: (answer: Answer) => shown.push(answer),
      status: { isDue: () => false, clear: () => undefined },
    },
    memory: {
      session: {
        getList(paths: readonly string[], { onEnded }: TransferOptions) {
          asked.push(paths.join(' '));
          for (const path of paths) {
            if (path === interruptedAt) stop.abort();
            const error = new SharingError('not-found', path);
            if (path === 'answered') onEnded({ outcome: 'failed', path: 'x//y', error });
            if (path === 'slow') return Promise.reject(new SharingError('cancelled', 'x'));
            const shut = new SharingError('no-permission', path);
            if (path === 'shut') onEnded({ outcome: 'failed', path, error: shut });
            else if (path === 'gone') onEnded({ outcome: 'failed', path, error });
            else onEnded({ outcome: 'received', path, as: `new_${path}`, size: 1, digest: '' });
          }
          return Promise.resolve({ links: 0, hidden: 0 });
        },
        list(folder: string) {
          if (folder.includes('//')) throw new SharingError('name-refused', folder);
          return namesThere();
        },
      },
    },
  } as unknown as Context;
  return {
    code: await run(context, { server: undefined, words, options: {}, ...more }),
    asked,
    shown,
  };
}

async function* namesThere() {
  yield await Promise.resolve({ entries: [{ name: 'gong' }] });
}

test('words are got together, and patterns by themselves, in order', async () => {
  const { code, asked } = await get(['a', 'b', '*.c', 'd', 'e', 'd']);
  expect({ code, asked }).toEqual({ code: exitCodes.done, asked: ['a b', '*.c', 'd e', 'd'] });
});

test('one that fails is told with what may have been meant, and the others are got', async () => {
  const { code, asked, shown } = await get(['gone', 'b', '*.c']);
  expect({ code, asked }).toEqual({ code: exitCodes.files, asked: ['gone b', '*.c'] });
  expect(shown).toMatchObject([
    { event: 'received', path: 'b' },
    { event: 'failed', path: 'gone', hint: 'did you mean gong?' },
    { event: 'received', path: '*.c' },
    { event: 'summary', files: 2, failed: 1 },
  ]);
});

test('after a line of a script that failed no later one is asked for, but the rest of it is', async () => {
  const following = [
    ['b', 'gone', '*.c', 'd'],
    ['e', '*.f'],
  ];
  const { asked } = await get(['a'], undefined, { following });
  expect(asked).toEqual(['a b gone', '*.c', 'd']);
});

test('an interrupt while one is saved: it is told as received, and the others as not done', async () => {
  const { code, asked, shown } = await get(['a', '*.b'], 'a');
  expect({ code, asked }).toEqual({ code: exitCodes.interrupted, asked: ['a'] });
  expect(shown).toMatchObject([{ event: 'received', path: 'a' }]);
});

test('an interrupt while the last one is saved comes too late to matter', async () => {
  expect((await get(['*.a', 'b'], 'b')).code).toBe(exitCodes.done);
});

test('one that is interrupted can go on later, and says so', async () => {
  const { code, shown } = await get(['slow']);
  expect(code).toBe(exitCodes.interrupted);
  expect(shown).toMatchObject([
    { event: 'failed', message: 'interrupted', hint: expect.stringContaining('goes on') as string },
  ]);
});

test('what nobody asked for is told as it is, and never looked up', async () => {
  const { code, shown } = await get(['answered']);
  expect(code).toBe(exitCodes.files);
  expect(shown).toContainEqual(expect.objectContaining({ event: 'failed', path: 'x//y' }));
});

test('only what is looked up is told last: other failures are told as they come', async () => {
  const { shown } = await get(['gone', 'shut', 'b']);
  expect(shown.map((one) => ('path' in one ? one.path : one.event))).toEqual([
    ...['shut', 'b', 'gone', 'summary'],
  ]);
});
