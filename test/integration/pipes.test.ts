import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdtemp,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../support/ports.js';
import { privileged } from '../support/privileges.js';
import {
  main,
  makePlace,
  run,
  serve,
  start,
  surroundings,
  type Place,
  type Server,
} from '../support/program.js';
import { removeFolder } from '../support/temporary.js';

const mebibyte = 1024 * 1024;

let base: string;
let place: Place;
let server: Server;
let share: string;
const content = randomBytes(20 * mebibyte + 17);

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'lanpost-pipes-'));
  place = await makePlace(join(base, 'here'));
  share = join(place.folder, 'serverDirectory');
  await mkdir(share, { recursive: true });
  await writeFile(join(share, 'film.bin'), content);
  server = await serve(place, [
    '--tcp-port',
    String(await freePort('tcp')),
    '--stall-timeout',
    '1s',
  ]);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await removeFolder(base);
});

/** The program with pipes of its own; `reading` is not begun by itself. */
function piped(words: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [main, ...words], {
    cwd: place.folder,
    env: { ...surroundings(place), ...environment },
  });
  child.stdin.on('error', () => undefined);
  return child;
}

function getting(...more: readonly string[]): ChildProcess {
  return piped(['get', `127.0.0.1:${server.port}`, 'film.bin', '-', ...more]);
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

function textOf(stream: NodeJS.ReadableStream | null): { text: string } {
  const said = { text: '' };
  stream?.on('data', (part: Buffer) => (said.text += part.toString()));
  return said;
}

describe.skipIf(process.platform !== 'linux')('a full disk behind standard output', () => {
  test.each([
    ['get', ['film.bin', '-']],
    ['list', []],
  ])('is all that %s tells of', async (verb, more) => {
    const full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [main, verb, `127.0.0.1:${server.port}`, ...more], {
      cwd: place.folder,
      env: surroundings(place),
      stdio: ['ignore', full.fd, 'pipe'],
    });
    const said = textOf(child.stderr);
    const [code] = (await once(child, 'close')) as [number | null];
    await full.close();
    expect(said.text).toBe('lanpost: standard output cannot be written (ENOSPC)\n');
    expect(code).toBe(7);
  });
});

describe('get to standard output', () => {
  test('is the file, and a remark beside it', async () => {
    const child = getting();
    const said = textOf(child.stderr);
    const hash = createHash('sha256');
    child.stdout?.on('data', (part: Buffer) => hash.update(part));
    expect(await exitOf(child)).toBe(0);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(said.text).toContain('film.bin  verified  20 MiB');
    expect((await readdir(place.folder)).sort()).toEqual(['serverDirectory', 'state']);
  });

  test('waits for a reader that rests longer than any time of silence', async () => {
    const child = getting('--stall-timeout', '1s');
    const said = textOf(child.stderr);
    // The sender would give up a silent receiver after 3 s.
    await delay(6000);
    const parts: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => {
      parts.push(part);
      if (parts.length !== 20) return;
      child.stdout?.pause();
      setTimeout(() => child.stdout?.resume(), 5000);
    });
    expect(await exitOf(child)).toBe(0);
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(said.text).not.toContain('again');
  });

  test('ends quietly when its reader goes', async () => {
    const child = getting();
    const said = textOf(child.stderr);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await exitOf(child)).toBe(8);
    expect(said.text).toBe('');
  });

  test.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM'] as const)(
    'ends with %s though nobody reads',
    async (signal) => {
      const child = getting();
      const said = textOf(child.stderr);
      await once(child.stdout as NodeJS.ReadableStream, 'readable');
      child.kill(signal);
      expect(await exitOf(child)).toBe(8);
      expect(said.text).toContain('interrupted');
    },
  );

  test('goes on after a server that was killed comes back', async () => {
    const child = getting('--stall-timeout', '1s');
    const said = textOf(child.stderr);
    await once(child.stdout as NodeJS.ReadableStream, 'readable');
    const { port } = server;
    await server[Symbol.asyncDispose]();
    server = await serve(place, ['--tcp-port', String(port)]);
    const parts: Buffer[] = [];
    child.stdout?.on('data', (part: Buffer) => parts.push(part));
    expect(await exitOf(child)).toBe(0);
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    expect(said.text).toContain('is back');
  });
});

/** Where a program keeps what it reads of its standard input in a file without a name, as soon as it does. */
async function spoolOf(child: ChildProcess, spool: string): Promise<string> {
  const open = join('/proc', String(child.pid), 'fd');
  while (child.exitCode === null) {
    for (const name of await readdir(open)) {
      const target = await readlink(join(open, name)).catch(() => '');
      if (target.startsWith(spool) && target.endsWith('(deleted)')) return join(open, name);
    }
    await delay(20);
  }
  throw new Error(`it ended with ${child.exitCode} and kept nothing`);
}

describe('put from standard input', () => {
  const to = (): string => `127.0.0.1:${server.port}`;

  test('stores all of it under the name', async () => {
    const child = piped(['put', to(), '-', '--as', 'copy.bin']);
    child.stdin?.end(content);
    expect(await exitOf(child)).toBe(0);
    expect((await readFile(join(share, 'copy.bin'))).equals(content)).toBe(true);
  });

  test.runIf(process.platform === 'linux')(
    'lies in a file without a name meanwhile, that nobody else may open',
    async () => {
      const spool = join(base, 'spool');
      await mkdir(spool);
      const child = piped(['put', to(), '-', '--as', 'copy.bin'], { TMPDIR: spool });
      child.stdin?.write(content);
      expect((await stat(await spoolOf(child, spool))).mode & 0o777).toBe(0o600);
      expect(await readdir(spool)).toEqual([]);
      child.kill('SIGKILL');
      await exitOf(child);
      expect(await readdir(spool)).toEqual([]);
      expect(await readdir(share)).not.toContain('copy.bin');
    },
  );

  test.runIf(process.platform === 'linux')(
    'ends with Ctrl-C while it reads, and nothing was stored',
    async () => {
      const child = piped(['put', to(), '-', '--as', 'copy.bin'], { TMPDIR: base });
      const said = textOf(child.stderr);
      child.stdin?.write('the beginning');
      await spoolOf(child, base);
      child.kill('SIGINT');
      expect(await exitOf(child)).toBe(8);
      expect(said.text).toContain('interrupted');
      expect(await readdir(share)).not.toContain('copy.bin');
    },
  );

  test('says where it cannot be kept', async () => {
    const child = piped(['put', to(), '-', '--as', 'copy.bin'], { TMPDIR: join(base, 'missing') });
    const said = textOf(child.stderr);
    child.stdin?.end('x');
    expect(await exitOf(child)).toBe(2);
    expect(said.text).toContain(`${join(base, 'missing')} cannot be made`);
  });

  test.skipIf(!privileged)(
    'says when the temporary folder is full, and leaves nothing',
    async () => {
      const small = join(base, 'small');
      await mkdir(small);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
      try {
        const child = piped(['put', to(), '-', '--as', 'copy.bin'], { TMPDIR: small });
        const said = textOf(child.stderr);
        child.stdin?.end(content);
        expect(await exitOf(child)).toBe(7);
        expect(said.text).toContain(`no room on the disk of ${small}`);
        expect(said.text).toContain('set TMPDIR');
        expect(await readdir(small)).toEqual([]);
        expect(await readdir(share)).not.toContain('copy.bin');
      } finally {
        execFileSync('umount', ['--lazy', small]);
      }
    },
  );

  test('is read once for several servers', async () => {
    const other = await makePlace(join(base, 'there'));
    await mkdir(join(other.folder, 'serverDirectory'));
    await using second = await serve(other, ['--tcp-port', '0', '--open=rw']);
    const child = piped([
      'put',
      '--to',
      `${to()},127.0.0.1:${second.port}`,
      '-',
      '--as',
      'copy.bin',
      '--trust',
      second.id,
    ]);
    child.stdin?.end(content);
    expect(await exitOf(child)).toBe(0);
    for (const folder of [share, join(other.folder, 'serverDirectory')]) {
      expect((await readFile(join(folder, 'copy.bin'))).equals(content)).toBe(true);
    }
  });

  test('needs a word for an unverified server, for there is nobody to ask', async () => {
    const other = await makePlace(join(base, 'there'));
    await mkdir(join(other.folder, 'serverDirectory'));
    await using second = await serve(other, ['--tcp-port', '0', '--open=rw']);
    const words = ['put', `127.0.0.1:${second.port}`, '-', '--as', 'copy.bin'];
    const { code, stderr } = await run(place, words, 'y\n');
    expect(code).toBe(4);
    expect(stderr).toContain('--trust');
  });

  test('a get pours into a put', async () => {
    const source = getting();
    const target = start(place, ['put', to(), '-', '--as', 'copy.bin']);
    source.stdout?.pipe(target.input);
    expect((await target.ended).code).toBe(0);
    expect((await readFile(join(share, 'copy.bin'))).equals(content)).toBe(true);
  });
});
