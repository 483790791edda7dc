import type { TransferOptions } from '#sharing/client.js';
import { run } from '#src/command/get.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import type { Answer } from '#src/view/answer.js';
import { expect, test } from 'vitest';

/** `get` at a prompt whose session gives every file; Ctrl-C comes while the one of that name is being saved. */
async function get(words: readonly string[], interruptedAt?: string) {
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
        get(path: string, { onEnded }: TransferOptions) {
          asked.push(path);
          if (path === interruptedAt) stop.abort();
          onEnded({ outcome: 'received', path, as: `new_${path}`, size: 1, digest: '' });
          return Promise.resolve({ links: 0, hidden: 0 });
        },
      },
    },
  } as unknown as Context;
  return { code: await run(context, { server: undefined, words, options: {} }), asked, shown };
}

test('each word is got, in order', async () => {
  const { code, asked } = await get(['a', 'b']);
  expect({ code, asked }).toEqual({ code: exitCodes.done, asked: ['a', 'b'] });
});

test('an interrupt while one is saved: it is told as received, and the others as not done', async () => {
  const { code, asked, shown } = await get(['a', 'b'], 'a');
  expect({ code, asked }).toEqual({ code: exitCodes.interrupted, asked: ['a'] });
  expect(shown).toMatchObject([{ event: 'received', path: 'a' }]);
});

test('an interrupt while the last one is saved comes too late to matter', async () => {
  expect((await get(['a', 'b'], 'b')).code).toBe(exitCodes.done);
});
