import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { freePort } from '../../support/ports.js';
import { runHere } from '../../support/program-run.js';
import { temporaryFolder } from '../../support/temporary.js';
import { loopbackOnly } from '../../support/terminal-session.js';

test.each(['list', 'get', 'put'])(
  '%s that waits for a code on standard input can be interrupted',
  async (verb) => {
    const state = join(await temporaryFolder(), 'state');
    const paths = verb === 'list' ? [] : ['.'];
    const words = [verb, '127.0.0.1:1', ...paths, '--code-file', '-'];
    const { input, interrupt, said, ended } = runHere(words, { state });
    await vi.waitUntil(() => input.listenerCount('readable') > 0, { timeout: 15_000 });
    interrupt();
    expect(await ended).toBe(8);
    expect(said()).toContain('lanpost: interrupted\n');
  },
);

/** What is said by a run that is interrupted when it is about to look for servers. */
async function saidWhenLooking(words: readonly string[], typed = ''): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'notes.txt'), 'Notes.\n');
  const state = join(folder, 'state');
  const run = runHere(words, {
    state,
    more: {
      environment: {
        LANPOST_HOME: state,
        LANPOST_MDNS: 'off',
        LANPOST_UDP_PORT: String(await freePort('udp')),
      },
      // Whoever asks for them is about to look for servers.
      interfaces() {
        setImmediate(() => {
          run.interrupt();
        });
        return loopbackOnly;
      },
    },
  });
  run.input.end(typed);
  expect(await run.ended).toBe(8);
  return run.said();
}

test.each([
  ['scan', ['scan'], ''],
  ['put to all', ['put', 'notes.txt', '--to', 'all'], ''],
  ['connect without a name', [], 'connect\n'],
])('%s that is interrupted before anybody is found', async (_, words, typed) => {
  const said = await saidWhenLooking(words, typed);
  expect(said).toContain('lanpost: interrupted\n');
  expect(said).not.toContain('found');
});

test('of several servers each is told of when it is interrupted before all are found', async () => {
  const said = await saidWhenLooking(['put', 'notes.txt', '--to', '127.0.0.1:1,birch,cedar']);
  expect(said.split('\n').filter((line) => line.startsWith('lanpost:'))).toEqual([
    'lanpost: birch: interrupted',
    'lanpost: cedar: interrupted',
    'lanpost: 127.0.0.1:1: interrupted',
  ]);
});

test('what a job of a script failed with stays its exit code when the session is over before it', async () => {
  const folder = await temporaryFolder();
  const state = join(folder, 'state');
  const environment = {
    LANPOST_HOME: state,
    LANPOST_MDNS: 'off',
    LANPOST_NAME: 'amber',
    LANPOST_UDP_PORT: String(await freePort('udp')),
    LANPOST_TCP_PORT: String(await freePort('tcp')),
  };
  const more = { environment };
  await mkdir(join(folder, 'serverDirectory'));
  const server = runHere(['serve'], { state, more });
  await vi.waitUntil(() => server.said().includes('port'), { timeout: 15_000 });
  const script = runHere([], { state, more });
  script.input.write(`connect 127.0.0.1 ${environment.LANPOST_TCP_PORT}\nget gone.txt &\n`);
  await vi.waitUntil(() => script.said().includes('failed'), { timeout: 15_000 });
  server.interrupt();
  await server.ended;
  await vi.waitUntil(() => script.said().includes('is over'), { timeout: 15_000 });
  script.input.end('-llist\n');
  expect(await script.ended).toBe(5);
});

test.skipIf(process.platform === 'win32')(
  'a key that could not be opened is tried again',
  async () => {
    const state = join(await temporaryFolder(), 'state');
    await mkdir(state, { mode: 0o700 });
    await chmod(state, 0o755);
    const { input, said, ended } = runHere([], { state });
    input.write('-peers\n');
    await vi.waitUntil(() => said().includes('can be read by others'), { timeout: 15_000 });
    await chmod(state, 0o700);
    input.end('peers\n');
    expect(await ended).toBe(0);
    expect(said()).toContain('this machine is');
  },
);

test('a comment of a script is no command, whatever is in it, and is shown without what a terminal obeys', async () => {
  const state = join(await temporaryFolder(), 'state');
  const { input, said, ended } = runHere([], { state });
  input.end("# don't \u001b[2Jstop\nhelp bye\n");
  expect(await ended).toBe(0);
  expect(said()).toContain("lanpost> # don't \\u{1b}[2Jstop\n");
  expect(said()).toContain('bye: ends');
});

test.each([
  ['-', 0],
  ['', 5],
])(
  'a job of a line that begins with "%s" ends its script with %d when it fails',
  async (dash, exit) => {
    const state = join(await temporaryFolder(), 'state');
    const { input, said, ended } = runHere([], { state });
    input.end(`${dash}put gone.txt --to amber &\n`);
    expect(await ended).toBe(exit);
    expect(said()).toContain('[1]  put gone.txt --to amber  failed');
  },
);
