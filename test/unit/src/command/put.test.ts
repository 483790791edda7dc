import type { Ended, TransferOptions } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { run } from '#src/command/put.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import type { Answer } from '#src/view/answer.js';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';
import { makeTree } from '../../../support/trees.js';

interface Asked {
  readonly code: number;
  /** What the session was asked for; undefined when nobody asked it. */
  readonly files: readonly string[] | undefined;
  readonly options: TransferOptions | undefined;
  readonly shown: Answer[];
}

/** `put` at a prompt whose session tells these ends, with paths below the folder of the user. */
async function put(
  folder: string,
  words: readonly string[],
  ends: readonly Ended[] = [],
  more: {
    readonly options?: Record<string, string | true>;
    readonly platform?: NodeJS.Platform;
  } = {},
): Promise<Asked> {
  let files: readonly string[] | undefined;
  let options: TransferOptions | undefined;
  const shown: Answer[] = [];
  const context = {
    atPrompt: true,
    workingFolder: folder,
    settings: { clientDirectory: 'mine', ifTaken: 'number' },
    signal: new AbortController().signal,
    noteFault: () => Promise.resolve(),
    system: { platform: more.platform ?? 'linux' },
    view: {
      json: false,
      show: (answer: Answer) => shown.push(answer),
      status: { isDue: () => false, clear: () => undefined },
    },
    memory: {
      session: {
        server: { trust: 'known' },
        put(asked: readonly string[], given: TransferOptions) {
          files = asked;
          options = given;
          for (const end of ends) given.onEnded(end);
          return Promise.resolve({ links: 0, hidden: 0 });
        },
      },
    },
  } as unknown as Context;
  const call = { server: undefined, words, options: more.options ?? {} };
  return { code: await run(context, call), files, options, shown };
}

describe('put', () => {
  async function folderOfUser(): Promise<{ folder: string; mine: string }> {
    const folder = await temporaryFolder();
    const mine = join(folder, 'mine');
    await makeTree(mine, {
      'a.txt': '',
      'b.txt': '',
      'one/x.txt': '',
      'a[1].md': '',
      '.hid.txt': '',
    });
    return { folder, mine };
  }

  test('a pattern stands for all that matches it, each word by itself and in order', async () => {
    const { folder, mine } = await folderOfUser();
    const { files, code } = await put(folder, ['one', '*.txt', '*/x.*']);
    expect(files).toEqual(['one', 'a.txt', 'b.txt', 'one/x.txt'].map((name) => join(mine, name)));
    expect(code).toBe(exitCodes.done);
  });

  test('what is there is no pattern, and hidden files are meant only when they are named', async () => {
    const { folder, mine } = await folderOfUser();
    expect((await put(folder, ['a[1].md'])).files).toEqual([join(mine, 'a[1].md')]);
    expect((await put(folder, ['.hid.txt'])).files).toEqual([join(mine, '.hid.txt')]);
  });

  test('what is nowhere is told with what was meant, and nobody is asked for it', async () => {
    const { folder } = await folderOfUser();
    const { files, shown, code } = await put(folder, ['*.jpg', 'b.tx', '.h*', 'nothing/like/it']);
    expect(files).toBeUndefined();
    expect(code).toBe(exitCodes.files);
    expect(shown).toMatchObject(
      ['*.jpg', 'b.tx', '.h*', 'nothing/like/it'].map((path) => ({ path, code: 'not-found' })),
    );
    expect(
      shown.map((one) => one.event === 'failed' && one.hint?.startsWith('did you mean')),
    ).toEqual([false, true, false, false]);
  });

  test('absolute paths and ways up are taken as they are typed', async () => {
    const { folder, mine } = await folderOfUser();
    expect((await put('/', [`${mine}/*.txt`])).files).toEqual([
      join(mine, 'a.txt'),
      join(mine, 'b.txt'),
    ]);
    expect((await put(folder, ['../mine/a*.txt'])).files).toEqual([join(mine, 'a.txt')]);
  });

  test('on Windows a path may have either slash, in a pattern and in a slip, too', async () => {
    const { folder, mine } = await folderOfUser();
    const words = ['one\\*.txt', 'one\\x.txt', 'one\\y.txt'];
    const { files, shown } = await put(folder, words, [], { platform: 'win32' });
    expect(files).toEqual([join(mine, 'one/x.txt'), join(mine, 'one/x.txt')]);
    expect(shown[0]).toMatchObject({
      event: 'failed',
      path: 'one\\y.txt',
      hint: 'did you mean one/x.txt?',
    });
    // Elsewhere it is a letter of the name.
    expect((await put(folder, ['one\\*.txt'])).files).toBeUndefined();
  });

  test('a word that fails does not keep the others back, and its code stays', async () => {
    const { folder, mine } = await folderOfUser();
    const { files, shown, code } = await put(folder, ['', 'nowhere/*', 'a.txt']);
    expect(files).toEqual([join(mine, 'a.txt')]);
    expect(shown).toMatchObject([
      { event: 'failed', path: '', code: 'name-refused' },
      { event: 'failed', path: 'nowhere/*', code: 'folder-missing' },
      { event: 'summary', files: 0, failed: 2 },
    ]);
    expect(code).toBe(exitCodes.files);
  });

  test('when all words fail nobody is asked', async () => {
    const { folder } = await folderOfUser();
    const { files, code } = await put(folder, ['']);
    expect(files).toBeUndefined();
    expect(code).toBe(exitCodes.files);
  });

  test('what ends is told in the words of the user, below folders too', async () => {
    const { folder, mine } = await folderOfUser();
    const counts = { files: 1, bytes: 0, identical: 0, skipped: 0, renamed: 0, failed: 1 };
    const { shown } = await put(
      folder,
      ['./one', '*.txt'],
      [
        { outcome: 'stored', path: join(mine, 'a.txt'), as: 'new_a.txt', size: 0, digest: '' },
        { outcome: 'skipped', path: join(mine, 'b.txt'), as: 'new_b.txt' },
        {
          outcome: 'failed',
          path: join(mine, 'one/x.txt'),
          error: new SharingError('changed', ''),
        },
        { outcome: 'folder', path: join(mine, 'one'), as: 'new_one', ...counts },
        // It only begins like one that was named.
        { outcome: 'skipped', path: join(mine, 'one more'), as: 'x' },
      ],
    );
    // A failure has to be explained before it is shown.
    const told = shown.filter(({ event }) => event !== 'summary');
    const paths = told.map((answer) => ('path' in answer ? answer.path : '')).sort();
    expect(paths).toEqual(
      ['./one', './one/x.txt', 'a.txt', 'b.txt', join(mine, 'one more')].sort(),
    );
    expect(shown).toContainEqual({ event: 'folder', path: './one', as: 'new_one', ...counts });
  });

  test('the plain name and the policy go along; a plain name is for one word', async () => {
    const { folder } = await folderOfUser();
    const { options } = await put(folder, ['a.txt'], [], { options: { as: 'x', skip: true } });
    expect(options).toMatchObject({ as: 'x', policy: 'skip' });
    await expect(
      put(folder, ['a.txt', 'b.txt'], [], { options: { as: 'x' } }),
    ).rejects.toMatchObject({
      code: 'usage',
    });
    await expect(
      put(folder, ['a.txt'], [], { options: { skip: true, update: true } }),
    ).rejects.toMatchObject({ code: 'usage' });
  });

  // One word may stand for many: they would all go under one name, and the rest be numbered.
  test('a plain name is for one thing, also when one word stands for several', async () => {
    const { folder } = await folderOfUser();
    await expect(put(folder, ['*.txt'], [], { options: { as: 'x' } })).rejects.toMatchObject({
      code: 'usage',
    });
  });
});
