import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'rolldown';
import { expect, test } from 'vitest';
import { mappedStack } from '#src/log/mapped-stack.js';
import { temporaryFolder } from '../../../support/temporary.js';

const source = `interface NotThere {
  readonly afterwards: string;
}

export function fails(): NotThere {
  throw new Error('as it should');
}

try {
  fails();
} catch (error) {
  console.log((error as Error).stack);
}
`;

test.each([
  ['a module', 'es', (path: string): string => pathToFileURL(path).href],
  ['a script', 'cjs', (path: string): string => path],
] as const)(
  'a place in what was built as %s is told as the place in its source',
  async (_, format, asTold) => {
    const folder = join(await temporaryFolder(), 'two words');
    await mkdir(folder);
    await writeFile(join(folder, 'fails.ts'), source);
    const dir = join(folder, 'built');
    await build({
      cwd: folder,
      input: 'fails.ts',
      output: { dir, format, sourcemap: true },
      logLevel: 'warn',
    });
    const { stdout } = spawnSync(process.execPath, [join(dir, 'fails.js')], { encoding: 'utf8' });
    const written = asTold(join(folder, 'fails.ts'));
    expect(stdout).not.toContain(written);
    const told = mappedStack(stdout);
    expect(told).toContain(`${written}:6:`);
    expect(told).toContain(`${written}:10:`);
    expect(told).toMatch(/^Error: as it should\n/);
  },
);

test.each([
  'Error: no place',
  'at run (node:net:967:12)',
  'at x (file:///none/there.js:1:2)',
  'at /none/x.js:1:2',
  'at f (file://host/x.js:1:2)',
  'at file:///a%2Fb.js:1:2',
  'at '.repeat(20_000),
])('%j is left as it is', (stack) => {
  expect(mappedStack(stack)).toBe(stack);
});
