import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Line } from './program.js';
import { isThere } from './privileges.js';

const folder = join(import.meta.dirname, '../second');

/** Whether the second implementation can be run at all: it needs Python and nothing else. */
export function maySpeakPython(): boolean {
  return isThere('the second implementation', missing('3.10'));
}

/** Whether it can be a client: that needs a key, made by `openssl`, and Linux. */
export function mayConnectByPython(): boolean {
  const openssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).error;
  const linux = process.platform === 'linux' ? null : `this is ${process.platform}, it needs Linux`;
  const reason = linux ?? missing('3.10') ?? (openssl ? 'openssl missing' : null);
  return isThere('the second client', reason);
}

function missing(version: string): string | null {
  const code = `import sys; sys.exit(sys.version_info < (${version.replace('.', ', ')}))`;
  const { status } = spawnSync('python3', ['-c', code], { stdio: 'ignore' });
  return status === 0 ? null : `python3 of ${version} or later missing`;
}

/** How a run ended, and what it said: a line of JSON each. */
export interface Spoken {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly Line[];
}

/** Runs one of its programs to its end, in a network namespace if one is given. */
export async function python(
  program: 'lanpost.py' | 'vectors.py',
  words: readonly string[],
  namespace?: string,
): Promise<Spoken> {
  const all = ['python3', '-B', join(folder, program), ...words];
  const [first = '', ...rest] =
    namespace === undefined ? all : ['ip', 'netns', 'exec', namespace, ...all];
  const options = { maxBuffer: 64 * 1024 * 1024, timeout: 30_000 };
  return new Promise((resolve, reject) => {
    execFile(first, rest, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code !== 'number') {
        reject(error ?? new Error('no exit code'));
        return;
      }
      const lines = stdout
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Line);
      resolve({ code, stdout, stderr, lines });
    });
  });
}
