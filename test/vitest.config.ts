import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '..');

/** One group of tests; long waits have no place in `unit`. */
function project(name: string, include: string[], timeoutMs: number, maxWorkers = 2) {
  return {
    root,
    test: {
      name,
      root,
      include,
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      maxWorkers,
      // What is waited for takes its time on a busy machine; the usual second says nothing.
      expect: { poll: { timeout: 15_000 } },
      // The terminal of a test moves its cursor, wherever the test is run.
      env: { TERM: 'xterm-256color' },
      setupFiles: [join(root, 'test/support/seed.ts')],
    },
  };
}

export default defineConfig({
  root,
  test: {
    projects: [
      project(
        'unit',
        ['unit', 'conformance', 'property', 'vectors', 'transcripts'].map(
          (room) => `test/${room}/**/*.test.ts`,
        ),
        20_000,
      ),
      project('integration', ['test/integration/**/*.test.ts'], 60_000),
      project('long', ['test/long/**/*.test.ts'], 300_000),
      project('bench', ['test/bench/all.bench.ts'], 12 * 3_600_000, 1),
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**', 'discovery/**', 'sharing/**', 'config/**'],
      reportsDirectory: 'coverage',
    },
  },
});
