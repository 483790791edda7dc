import { openJobs } from '#src/jobs.js';
import type { TransferOptions } from '#sharing/client.js';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Context } from '#src/context.js';
import { runTerminal, type TerminalOptions } from '#src/shell/terminal.js';
import { createView } from '#src/view/view.js';

/** The local folder holds what the lines below put. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-terminal-'));
  await mkdir(join(folder, 'clientDirectory'));
  for (const name of ['a.txt', 'b.txt']) await writeFile(join(folder, 'clientDirectory', name), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function seen(look: () => boolean): Promise<void> {
  await vi.waitUntil(look, { timeout: 15_000 });
}

/** A shell on a terminal, with a session to an unverified server: the first put to it asks. */
function openShell(
  complete: TerminalOptions['complete'] = () => Promise.resolve(undefined),
  quit = new AbortController().signal,
  drawsOver = true,
) {
  let shown = '';
  const terminal = new Writable({
    write(chunk: Buffer, _encoding, done) {
      shown += chunk.toString();
      done();
    },
  });
  const output = Object.assign(terminal, { columns: 60 });
  const input = new PassThrough();
  const view = createView({ output, error: output, json: false, quiet: false });
  const put = vi.fn(([path = '']: readonly string[], { onEnded }: TransferOptions) => {
    const as = path.split('/').at(-1) ?? '';
    onEnded({ outcome: 'stored', path, as, size: 7, digest: '' });
    return Promise.resolve({ links: 0, hidden: 0 });
  });
  const server = { id: 'A'.repeat(52), name: 'amber', trust: 'unverified' };
  const bye = (): Promise<void> => Promise.resolve();
  const memory = {
    session: { server, put, bye },
    trusted: new Set(),
    leaving: false,
    jobs: openJobs(),
  };
  const onLeave = vi.fn();
  const ended = runTerminal({
    input,
    output,
    view,
    drawsOver,
    quit,
    contextFor: (parts) => {
      const settings = { clientDirectory: 'clientDirectory' };
      const system = { platform: 'linux' };
      const shared = { atPrompt: true, workingFolder: folder, settings, memory, view, system };
      return { ...shared, ...parts } as unknown as Context;
    },
    promptText: () => ((memory.session as object | undefined) ? 'amber> ' : 'lanpost> '),
    isLeaving: () => memory.leaving,
    stillRuns: () => memory.jobs.stillRuns(),
    onLeave,
    history: [],
    onLine: () => undefined,
    complete,
  });
  /** Without what moves the cursor; what is drawn over stays in it. */
  const screen = (): string => stripVTControlCharacters(shown).replaceAll('\r', '');
  const question = '[y/N] ';
  return {
    input,
    view,
    jobs: memory.jobs,
    onLeave,
    raw: () => shown,
    ended,
    put,
    screen,
    asked: () => seen(() => screen().includes(question)),
  };
}

test('a question is answered by what is typed after it, and what was pasted runs later', async () => {
  const { input, ended, put, screen, asked } = openShell();
  input.write('put a.txt\ny\nput b.txt\n');
  await asked();
  input.write('n\n');
  await seen(() => screen().split('[y/N] ').length > 2);
  input.write('n\n');
  await seen(() => screen().endsWith('amber> '));
  input.write('\u0004');
  await ended;
  expect(put).not.toHaveBeenCalled();
  expect(screen()).toContain('there is no verb "y"');
});

test('half a line that was typed before a question is no answer, and comes back after it', async () => {
  const { input, ended, put, screen, asked } = openShell();
  input.write('put a.txt\nhel');
  await asked();
  input.write('y\n');
  await seen(() => screen().endsWith('amber> hel'));
  input.write('p help\n');
  await seen(() => screen().includes('help: '));
  input.write('\u0004');
  await ended;
  expect(put).toHaveBeenCalledOnce();
});

test('what is typed while something runs is shown when its turn comes', async () => {
  const { input, ended, put, screen, asked } = openShell();
  let finish = (): void => undefined;
  put.mockImplementationOnce(
    () =>
      new Promise((resolve) => {
        finish = () => {
          resolve({ links: 0, hidden: 0 });
        };
      }),
  );
  input.write('put a.txt\n');
  await asked();
  input.write('y\n');
  await seen(() => put.mock.calls.length > 0);
  input.write('help bye\nhalf');
  await delay(50);
  expect(screen()).not.toMatch(/help|half/);
  finish();
  await seen(() => screen().endsWith('amber> half'));
  expect(screen()).toContain('amber> help bye\nbye: ends');
  input.write('\u0015\u0004');
  await ended;
});

test('Ctrl-C at a question ends what was pasted too', async () => {
  const { input, ended, put, screen, asked } = openShell();
  input.write('put a.txt\nput b.txt\n');
  await asked();
  input.write('\u0003');
  await seen(() => screen().endsWith('amber> '));
  input.write('\u0004');
  await ended;
  expect(put).not.toHaveBeenCalled();
  expect(screen().split('[y/N] ')).toHaveLength(2);
});

test('Ctrl-C at a question is an interrupt, and what was typed as its answer is gone', async () => {
  const { input, ended, screen, asked } = openShell();
  input.write('put a.txt\n');
  await asked();
  input.write('ye');
  await seen(() => screen().endsWith('[y/N] ye'));
  input.write('\u0003');
  await seen(() => screen().endsWith('amber> '));
  expect(screen()).toContain('\nlanpost: interrupted\n');
  expect(screen()).not.toContain('not trusted');
  input.write('\u0004');
  await ended;
});

test('Ctrl-D at a question answers nothing, and the shell stays', async () => {
  const { input, ended, put, screen, asked } = openShell();
  input.write('put a.txt\n');
  await asked();
  input.write('\u0004');
  await seen(() => screen().endsWith('amber> '));
  expect(screen()).toContain('[y/N] \nlanpost: the server AAAA');
  expect(put).not.toHaveBeenCalled();
  input.write('help bye\n');
  await seen(() => screen().includes('bye: ends'));
  input.write('\u0004');
  await ended;
});

test('a terminal that ends at a question ends the shell', async () => {
  const { input, ended, put, asked } = openShell();
  input.write('put a.txt\n');
  await asked();
  input.end();
  await ended;
  expect(put).not.toHaveBeenCalled();
});

test('each line of several that are pasted stands before what it caused', async () => {
  const { input, ended, screen } = openShell();
  input.write('frob\nrlsit\nbye\nbye\n');
  await ended;
  const from = screen().indexOf('lanpost: there is no verb "frob"');
  expect(screen().slice(from)).toMatchInlineSnapshot(`
    "lanpost: there is no verb "frob"
      help lists the verbs
    amber> rlsit
    lanpost: there is no verb "rlsit"
      did you mean rlist?
    amber> bye
    session with amber ended
    lanpost> bye

    "
  `);
});

test('Tab puts into the line what can only follow; a second one lists what can', async () => {
  const { input, ended, screen } = openShell((line) =>
    Promise.resolve(
      line === 'he'
        ? { replaced: '', text: 'lp ', shown: ['help'] }
        : line === 'help P'
          ? { replaced: 'P', text: 'put ', shown: ['put'] }
          : { replaced: '', text: '', shown: ['a b', 'a c'] },
    ),
  );
  input.write('he');
  input.write('\t');
  await seen(() => screen().endsWith('amber> help '));
  input.write('P');
  input.write('\t');
  await seen(() => screen().endsWith('amber> help put '));
  input.write('\t');
  input.write('\t');
  await seen(() => /a b\s+a c/.test(screen()));
  await seen(() => screen().endsWith('amber> help put '));
  input.write('\n');
  await seen(() => screen().includes('put: puts files'));
  input.write('\u0004');
  await ended;
});

test('Tab is no harm where nothing is known, where it fails, and while somebody is asked', async () => {
  const complete = vi.fn(() => Promise.reject(new Error('no')));
  const { input, ended, screen, asked, put } = openShell(complete);
  input.write('he');
  input.write('\t');
  input.write('lp bye\n');
  await seen(() => screen().includes('bye: ends'));
  expect(screen()).not.toContain('error');
  expect(complete).toHaveBeenCalledOnce();
  input.write('put a.txt\n');
  await asked();
  input.write('\t');
  input.write('y\n');
  await seen(() => screen().includes('stored as'));
  input.write('\u0004');
  await ended;
  expect(put).toHaveBeenCalledOnce();
  expect(complete).toHaveBeenCalledOnce();
});

test('a shell that ends while Tab is waited for ends in order', async () => {
  const quit = new AbortController();
  const { input, ended } = openShell(() => {
    setImmediate(() => {
      quit.abort();
    });
    return new Promise((resolve) => {
      setTimeout(resolve, 50, { replaced: '', text: 'x', shown: ['x'] });
    });
  }, quit.signal);
  input.write('he');
  input.write('\t');
  await ended;
  await new Promise((resolve) => setTimeout(resolve, 100));
});

test.each([
  [true, '\r\u001b[Ja remark\n'],
  [false, '\na remark\n'],
])(
  'a remark above what is typed, on a terminal that is drawn over: %s',
  async (drawsOver, expected) => {
    const { input, ended, view, raw, screen } = openShell(undefined, undefined, drawsOver);
    await seen(() => screen().endsWith('amber> '));
    view.note('a remark');
    expect(raw()).toContain(expected);
    input.write('\u0004');
    await ended;
  },
);

test('a remark goes above all rows of what is being typed', async () => {
  const { input, ended, view, raw, screen } = openShell();
  const typed = `help ${'x'.repeat(60)}`;
  input.write(typed);
  await seen(() => screen().endsWith(typed));
  const before = raw().length;
  view.note('a remark');
  const drawn = raw().slice(before);
  // The line editor goes up to where it began, which has to be below the remark.
  expect(drawn).toContain('\u001b[1A\r\u001b[Ja remark\n\n');
  expect(drawn).toContain(`amber> ${typed}`);
  input.write('\u0015\u0004');
  await ended;
});

test('a remark goes above a question and what is typed as its answer', async () => {
  const { input, ended, view, put, screen, asked } = openShell();
  input.write('put a.txt\n');
  await asked();
  input.write('ye');
  await seen(() => screen().endsWith('[y/N] ye'));
  view.note('a remark');
  expect(screen()).toMatch(/a remark\n+the server .*\[y\/N\] ye$/);
  input.write('s\n');
  await seen(() => put.mock.calls.length > 0);
  input.write('\u0004');
  await ended;
});

test('a line and Ctrl-D at once: the line runs, then the shell ends and reads no more', async () => {
  const { input, ended, screen } = openShell();
  input.write('help bye\n\u0004');
  await ended;
  expect(screen()).toContain('bye: ends');
  expect(input.isPaused()).toBe(true);
});

test('nothing is asked where the terminal is over', async () => {
  const { input, ended, put, screen } = openShell();
  input.write('put a.txt\n\u0004');
  await ended;
  expect(put).not.toHaveBeenCalled();
  expect(screen()).not.toContain('[y/N]');
  expect(input.isPaused()).toBe(true);
});

test('Ctrl-D with something running is warned of first, and leaves when it is typed again', async () => {
  const { input, ended, onLeave, jobs, view, screen } = openShell();
  jobs.start('get a.txt', view, () => new Promise(() => undefined));
  await seen(() => screen().endsWith('amber> '));
  input.write('help bye\n\u0004');
  await seen(() => screen().includes('Ctrl-D again leaves all the same'));
  expect(screen()).toContain('a transfer is still running');
  // Whoever does something else meanwhile is warned again, and finds the lines of before.
  await seen(() => screen().endsWith('amber> '));
  input.write('\u001b[A\n');
  await seen(() => screen().split('bye: ends').length > 2);
  input.write('\u0004');
  await seen(() => screen().split('Ctrl-D again').length > 2);
  expect(onLeave).not.toHaveBeenCalled();
  input.write('\u0004');
  await ended;
  expect(onLeave).toHaveBeenCalledOnce();
});

test('bye with something running is refused, and stops it when it is typed again at once', async () => {
  const { input, ended, jobs, view, screen } = openShell();
  jobs.start(
    'get a.txt',
    view,
    ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve(8);
        });
      }),
  );
  input.write('bye\nhelp bye\nbye\n');
  await seen(() => screen().split('a transfer is still running').length > 2);
  expect(screen()).toContain('bye again ends it, and it can go on later');
  expect(jobs.list()).toHaveLength(1);
  input.write('quit\n');
  await seen(() => screen().includes('[1]  get a.txt  cancelled\nsession with amber ended'));
  input.write('bye\n');
  await ended;
});

test('a terminal that ends while something runs asks for nothing', async () => {
  const { input, ended, jobs, view, screen } = openShell();
  jobs.start('get a.txt', view, () => new Promise(() => undefined));
  await seen(() => screen().endsWith('amber> '));
  input.end();
  await ended;
  expect(screen()).not.toContain('again');
});
