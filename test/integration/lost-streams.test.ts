import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helpText } from '#src/command/help-text.js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { mayOpenTerminals } from '../support/privileges.js';
import { main, makePlace, surroundings } from '../support/program.js';
import { removeFolder } from '../support/temporary.js';

const onLinux = process.platform === 'linux';
const hasTerminals = mayOpenTerminals();

let folder: string;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-lost-'));
  environment = surroundings(await makePlace(folder));
});

afterAll(() => removeFolder(folder));

const serveWords = ['serve', '--tcp-port', '0'];

/** The servers that run; each leaves a file with its number. */
async function serving(): Promise<number[]> {
  const names = await readdir(join(folder, 'state', 'run')).catch(() => []);
  return names.map((name) => Number.parseInt(name, 10));
}

/** Nothing of a server is left, and nothing of a crash was said. */
async function expectInOrder(stderr: string, words: string): Promise<void> {
  expect(stderr).toContain(`lanpost: ${words}\n`);
  expect(stderr).not.toMatch(/^ +at |Node\.js v/m);
  expect(await serving()).toEqual([]);
}

describe.skipIf(!onLinux)('output to a full disk', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['--version', ['--version']],
    ['--help', ['--help']],
    ['config', ['config']],
    ['serve', serveWords],
  ];

  test.each(cases)('%s says so and ends with 7', async (_, words) => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [main, ...words], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', full.fd, 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (part: Buffer) => (stderr += part.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    await full.close();
    expect(code).toBe(7);
    await expectInOrder(stderr, 'standard output cannot be written (ENOSPC)');
  });
});

test('help into a file and through a pipe is whole, and its lines are not broken', async () => {
  const file = join(folder, 'help.txt');
  const output = await open(file, 'w');
  const words = [main, '--help'];
  spawnSync(process.execPath, words, { env: environment, stdio: ['ignore', output.fd, 'inherit'] });
  await output.close();
  expect(await readFile(file, 'utf8')).toBe(helpText('one-shot'));
  const { stdout } = spawnSync(process.execPath, words, { env: environment, encoding: 'utf8' });
  expect(stdout).toBe(helpText('one-shot'));
});

describe.skipIf(!hasTerminals)('a terminal that vanishes', () => {
  test.each([
    ['the shell', '', 'lanpost> ', 'standard input cannot be read (EIO)'],
    ['serve', 'serve', ' code ', 'standard output cannot be written (EIO)'],
  ])('%s ends with 8', async (name, verb, shown, words) => {
    const given = verb === '' ? [] : serveWords;
    const program = `"${process.execPath}" "${main}" ${given.join(' ')}`;
    const [errors, code] = [join(folder, `${name}.err`), join(folder, `${name}.code`)];
    const inner = `trap "" HUP; ${program} 2>"${errors}"; echo $? >"${code}"`;
    const terminal = spawn('script', ['-qec', inner, '/dev/null'], {
      cwd: folder,
      env: { ...environment, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let screen = '';
    terminal.stdout.on('data', (part: Buffer) => (screen += part.toString()));
    await vi.waitUntil(() => screen.includes(shown), { timeout: 50_000 });
    const closed = once(terminal, 'close');
    terminal.kill('SIGKILL');
    await closed;
    // A server writes nothing for a long time, so it learns of it when it is stopped.
    for (const pid of await serving()) process.kill(pid, 'SIGTERM');
    const ended = async () => existsSync(code) && (await readFile(code, 'utf8')) !== '';
    await vi.waitUntil(ended, { timeout: 50_000 });
    expect(await readFile(code, 'utf8')).toBe('8\n');
    await expectInOrder(await readFile(errors, 'utf8'), words);
  });
});

/**
 * Holds a process up in the last moment before its end, after all that it does itself, until a file is there;
 * makes the file `reached` in that moment.
 */
const lastMoment = (reached: string, until: string): string => `
  import { existsSync, writeFileSync } from 'node:fs';
  process.on('SIGTERM', () => {
    process.on('exit', () => {
      writeFileSync(${JSON.stringify(reached)}, '');
      const deadline = Date.now() + 50_000;
      while (!existsSync(${JSON.stringify(until)}) && Date.now() < deadline);
    });
  });
`;

describe.skipIf(!hasTerminals)('a terminal that vanishes in the last moment', () => {
  test('does not make a server crash', async () => {
    const [reached, gone] = [join(folder, 'reached'), join(folder, 'gone')];
    const code = join(folder, 'last.code');
    const hook = join(folder, 'last-moment.mjs');
    await writeFile(hook, lastMoment(reached, gone));
    const words = serveWords.join(' ');
    const program = `"${process.execPath}" --import "file://${hook}" "${main}" ${words}`;
    const terminal = spawn(
      'script',
      ['-qec', `trap "" HUP; ${program}; echo $? >"${code}"`, '/dev/null'],
      {
        cwd: folder,
        env: { ...environment, SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    let screen = '';
    terminal.stdout.on('data', (part: Buffer) => (screen += part.toString()));
    const closed = once(terminal, 'close');
    await vi.waitUntil(() => screen.includes(' code '), { timeout: 50_000 });
    for (const pid of await serving()) process.kill(pid, 'SIGTERM');
    await vi.waitUntil(() => existsSync(reached), { timeout: 50_000 });
    await vi.waitUntil(() => screen.includes('stopped'), { timeout: 50_000 });
    terminal.kill('SIGKILL');
    await closed;
    await writeFile(gone, '');
    const ended = async () => existsSync(code) && (await readFile(code, 'utf8')) !== '';
    await vi.waitUntil(ended, { timeout: 50_000 });
    expect(await readFile(code, 'utf8')).toBe('0\n');
  });
});

describe.skipIf(!hasTerminals)('Ctrl-Z and fg', () => {
  test('give the prompt back, and it listens', async () => {
    const shell = spawn('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      cwd: folder,
      env: { ...environment, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let screen = '';
    let seen = 0;
    shell.stdout.on('data', (part: Buffer) => (screen += part.toString()));
    const until = async (words: string): Promise<void> => {
      await vi.waitFor(
        () => {
          expect(screen.slice(seen)).toContain(words);
        },
        { timeout: 20_000 },
      );
      seen = screen.length;
    };
    try {
      await until('bash-');
      shell.stdin.write(`"${process.execPath}" "${main}"\n`);
      await until('lanpost> ');
      shell.stdin.write('\u001a');
      await until('bash-');
      shell.stdin.write('fg\n');
      await until('lanpost> ');
      shell.stdin.write('no-such-verb\n');
      await until('there is no verb "no-such-verb"');
      shell.stdin.write('bye\n');
      await until('bash-');
    } finally {
      shell.kill('SIGKILL');
    }
  });
});
