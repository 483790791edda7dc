import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { main } from './program.js';

const prompt = 'READY> ';
/** Milliseconds in which a shell says something. */
const patience = 20_000;

/** A shell on a terminal of its own, in a folder of its own, in which `lanpost` is a program of that name. */
export interface Typing extends AsyncDisposable {
  /** What `lanpost` was called with when this, typed key by key, and then Enter ended. `\t` is the key Tab. */
  call(keys: string): Promise<readonly string[]>;
}

/** How a shell is started so that nobody's settings matter, and what it is told first. */
export interface Shell {
  readonly command: string;
  readonly before: readonly string[];
}

/**
 * Starts it below `folder`, where `work` is where it is, and `state` is the state folder. What is typed goes through a
 * pseudo-terminal; `lanpost completion` is the built program, everything else is only written down.
 */
export async function typeInto({ command, before }: Shell, folder: string): Promise<Typing> {
  const calls = join(folder, 'calls');
  const programs = join(folder, 'bin');
  const work = join(folder, 'work');
  await mkdir(programs, { recursive: true });
  await mkdir(work, { recursive: true });
  await writeFile(calls, '');
  await writeFile(join(programs, 'lanpost'), standIn(calls));
  await chmod(join(programs, 'lanpost'), 0o755);
  const child = spawn('script', ['-qfec', command, '/dev/null'], {
    cwd: work,
    env: {
      HOME: folder,
      ZDOTDIR: folder,
      HISTFILE: '/dev/null',
      LC_ALL: 'C.UTF-8',
      TERM: 'dumb',
      PS1: prompt,
      PROMPT: prompt,
      PATH: `${programs}:${process.env['PATH']}`,
      LANPOST_HOME: join(folder, 'state'),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let seen = '';
  let ended = false;
  let look: () => void = () => undefined;
  child.stdout.on('data', (bytes: Buffer) => {
    seen += bytes.toString();
    look();
  });
  const gone = once(child, 'exit').then(() => {
    ended = true;
    look();
  });
  let taken = 0;

  /** Until the shell says more. */
  async function more(): Promise<void> {
    if (ended) throw new Error(`the shell ended: ${seen}`);
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error(`the shell says no more: ${seen}`));
      }, patience);
      look = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** Where these words stand after `from`, as soon as they do. */
  async function shown(words: string, from: number): Promise<number> {
    for (;;) {
      const at = seen.indexOf(words, from);
      if (at !== -1) return at;
      await more();
    }
  }

  async function enter(keys: string): Promise<void> {
    const from = seen.length;
    child.stdin.write(`${keys}\r`);
    // A shell may draw its line again, prompt and all, until Enter ends it.
    await shown(prompt, await shown('\n', from));
  }

  await shown(prompt, 0);
  for (const line of before) await enter(line);
  return {
    async call(keys) {
      await enter(keys);
      let words: string | undefined;
      // Below a list of what it could be the prompt stands again before Enter has done anything.
      for (;;) {
        const from = seen.length;
        const all = (await readFile(calls, 'utf8')).split('\n\n').slice(0, -1);
        words = all[taken];
        if (words !== undefined) break;
        // What was said while it was read may be the last.
        if (seen.length === from) await more();
      }
      taken += 1;
      return words.split('\n');
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Each word on a line of its own, and an empty line behind them. */
function standIn(calls: string): string {
  return [
    '#!/bin/sh',
    `if [ "$1" = completion ]; then exec '${process.execPath}' '${main}' "$@"; fi`,
    `{ printf '%s\\n' "$@"; echo; } >>'${calls}'`,
    '',
  ].join('\n');
}
