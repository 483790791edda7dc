import { timeWithoutProcessor } from '#sharing/storage/thread-time.js';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';

const place = '/proc/thread-self/schedstat';
// A kernel without these figures says "0 0 0".
const isTold = existsSync(place) && !readFileSync(place, 'utf8').startsWith('0 0');

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
    const deadline = performance.now() + 10_000;
    while (timeWithoutProcessor() - before < 10 && performance.now() < deadline);
    const [, waited] = readFileSync(place, 'utf8').split(' ');
    expect(Number(waited) / 1e6).toBeGreaterThanOrEqual(before + 10);
  },
);
