import { run } from '#src/command/llist.js';
import type { Context } from '#src/context.js';
import type { Answer } from '#src/view/answer.js';
import { join } from 'node:path';
import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

test.each(['one', 'one\\x.txt', 'one\\*.txt', 'one/*.txt'])(
  'on Windows a path may have either slash, that of a file and of a pattern too: %s',
  async (word) => {
    const workingFolder = await temporaryFolder();
    await mkdir(join(workingFolder, 'mine', 'one'), { recursive: true });
    await writeFile(join(workingFolder, 'mine', 'one', 'x.txt'), '');
    const shown: Answer[] = [];
    const view = {
      show: (answer: Answer) => shown.push(answer),
      isHeard: () => true,
      styled: () => view,
    };
    const context = {
      workingFolder,
      settings: { clientDirectory: 'mine' },
      system: { platform: 'win32' },
      signal: new AbortController().signal,
      view,
    } as unknown as Context;
    expect(await run(context, { server: undefined, words: [word], options: {} })).toBe(0);
    expect(shown).toMatchObject([{ event: 'entry', path: 'one/x.txt' }]);
  },
);
