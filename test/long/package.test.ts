import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/ports.js';
import { mayReadManuals } from '../support/privileges.js';

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
    const node = nodeOf(version);
    const folder = join(place, `on${version}`);
    await mkdir(join(folder, 'shared'), { recursive: true });
    await writeFile(join(folder, 'shared', 'a.txt'), 'content\n');
    const env = { ...process.env, LANPOST_HOME: join(folder, 'state'), LANPOST_MDNS: 'off' };
    const words = ['--udp-port', String(await freePort('udp'))];
    const serve = ['serve', '--json', '--tcp-port', '0', ...words, 'shared'];
    const server = spawn(node, [program, ...serve], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    server.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
    try {
      const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
      const { port } = JSON.parse(line) as { port: number };
      const get = [program, 'get', '--quiet', `127.0.0.1:${port}`, 'a.txt'];
      expect(execFileSync(node, get, { cwd: folder, env, encoding: 'utf8' })).toBe('');
      const arrived = await readFile(join(folder, 'clientDirectory/new_a.txt'), 'utf8');
      expect(arrived).toBe('content\n');
    } finally {
      server.kill('SIGTERM');
      await once(server, 'close');
    }
    expect(said).not.toMatch(/flag|deprecat|warning|Error/i);
  });
});
