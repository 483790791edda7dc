import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mayReadManuals } from '../support/privileges.js';
import { makePlace, run, serve } from '../support/program.js';

const root = join(import.meta.dirname, '../..');
let place: string;
let program: string;
let packed: readonly string[];

function npm(words: readonly string[], cwd = place): string {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  return execFileSync('npm', [...words, ...quiet], { cwd, encoding: 'utf8' });
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'lanpost-package-'));
  // What is built lies there already; building it again would take it from under other tests.
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', place];
  const [made] = JSON.parse(npm(words, root)) as [
    { filename: string; files: readonly { path: string }[] },
  ];
  packed = made.files.map(({ path }) => path);
  npm(['install', '--global', '--prefix', join(place, 'prefix'), join(place, made.filename)]);
  program = join(place, 'prefix/lib/node_modules/lanpost/dist/lanpost.js');
});

afterAll(() => rm(place, { recursive: true, force: true }));

test('what is packed is what runs, and what people read first', async () => {
  const built = (await readdir(join(root, 'dist'), { withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => `dist/${name}`);
  const read = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  expect([...packed].sort()).toEqual([...built, ...read].sort());
});

test('what is packed is small, and holds no tests, sources or single file', () => {
  expect(packed).toContain('dist/lanpost.1');
  expect(packed.filter((path) => /^(src|sharing|discovery|config|test)\//.test(path))).toEqual([]);
  expect(packed.filter((path) => path.startsWith('dist/single'))).toEqual([]);
});

test('its commands, its manual page and its completion are where they are looked for', async () => {
  const prefix = join(place, 'prefix');
  const env = {
    ...process.env,
    PATH: `${join(prefix, 'bin')}:${process.env['PATH']}`,
    LANPOST_HOME: join(place, 'state'),
  };
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(execFileSync('lanpost', ['--version'], { env, encoding: 'utf8' })).toBe(
    `lanpost ${version}\n`,
  );
  const completion = execFileSync('lanpost', ['completion', 'bash'], { env, encoding: 'utf8' });
  expect(completion).toContain('complete -o default -F _lanpost lanpost');
  expect(await readdir(join(prefix, 'share/man/man1'))).toEqual(['lanpost.1']);
  if (!mayReadManuals()) return;
  const page = execFileSync('man', ['-M', join(prefix, 'share/man'), 'lanpost'], {
    env: { ...env, LC_ALL: 'C.UTF-8', MANWIDTH: '100' },
    encoding: 'utf8',
  });
  expect(page).toContain('passes files between them');
});

/** A Node of this major version, from its package. */
function nodeOf(version: number): string {
  if (version === Number(process.versions.node.split('.')[0])) return process.execPath;
  const prefix = join(place, `node${version}`);
  npm(['install', '--prefix', prefix, '--no-save', `node@${version}`]);
  return join(prefix, 'node_modules/node/bin/node');
}

describe.each([20, 22, 24, 26])('installed from its package, on Node %i', (version) => {
  test('it shares a file and gets it, and says nothing else', async () => {
    const there = await makePlace(join(place, `on${version}`));
    const installed = { ...there, program: [nodeOf(version), program] };
    const { folder } = there;
    await mkdir(join(folder, 'shared'));
    await writeFile(join(folder, 'shared', 'a.txt'), 'content\n');
    await using server = await serve(installed, ['--tcp-port', '0', 'shared']);
    const get = ['get', '--quiet', `127.0.0.1:${server.port}`, 'a.txt'];
    expect(await run(installed, get)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const arrived = await readFile(join(folder, 'clientDirectory/new_a.txt'), 'utf8');
    expect(arrived).toBe('content\n');
    server.kill('SIGTERM');
    const { stderr } = await server.ended;
    expect(stderr).not.toMatch(/flag|deprecat|warning|Error/i);
  });
});
