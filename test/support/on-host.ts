import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { vi } from 'vitest';

/** Where programs of the system run, in a network namespace. */
export interface Machine {
  readonly namespace: string;
}

/** A shell line on a machine; its output. */
export function sh({ namespace }: Machine, line: string): string {
  const words = ['netns', 'exec', namespace, 'sh', '-c', line];
  const { status, stdout, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout;
}

/** Gives nft these rules. */
export function rules({ namespace }: Machine, text: string): void {
  const words = ['netns', 'exec', namespace, 'nft', '-f', '-'];
  const { status, stderr } = spawnSync('ip', words, { input: text, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

export interface OtherProgram extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when it has printed these words. */
  says(words: string): Promise<void>;
}

/** Another program of that machine, until it is disposed. */
export async function program(
  { namespace }: Machine,
  words: readonly string[],
): Promise<OtherProgram> {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  await once(child, 'spawn');
  const exit = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    async says(expected) {
      const said = vi.waitFor(
        () => {
          if (!text.includes(expected)) throw new Error(`no "${expected}" in: ${text}`);
        },
        { timeout: 20_000 },
      );
      await Promise.race([said, exit]);
      if (!text.includes(expected)) throw new Error(`it ended without "${expected}": ${text}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
