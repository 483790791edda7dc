import { timeWithoutProcessor } from '#sharing/storage/thread-time.js';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';

const isTold = existsSync('/proc/thread-self/schedstat');

test('a thread that sleeps wants for no processor', () => {
  const before = timeWithoutProcessor();
  const began = performance.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  expect(timeWithoutProcessor() - before).toBeLessThan((performance.now() - began) / 2);
});

test.runIf(isTold)(
  'one among many that work does, and what is told is what the system says',
  async () => {
    const others = Array.from({ length: 3 * availableParallelism() }, () =>
      spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
    );
    onTestFinished(() => {
      for (const other of others) other.kill('SIGKILL');
    });
    await Promise.all(
      others.map((other) => new Promise((resolve) => other.once('spawn', resolve))),
    );
    const before = timeWithoutProcessor();
    while (timeWithoutProcessor() - before < 10);
    const [, waited] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ');
    expect(Number(waited) / 1e6).toBeGreaterThanOrEqual(before + 10);
  },
);
