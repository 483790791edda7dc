import { ESLint } from 'eslint';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: join(root, 'test', 'eslint.config.js'),
  // Under CI the parser takes files from the disk and not the text that it is given.
  overrideConfig: {
    languageOptions: { parserOptions: { disallowAutomaticSingleRunInference: true } },
  },
});

/** What the rules say of `code` if it stood in `file`, which must exist. */
async function complaints(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'syntax'}: ${message}`);
}

const use = (specifier: string) =>
  `import * as room from '${specifier}';\nexport const one = room;\n`;

/** The house is only as good as its rules: each is seen to fire. */
describe('the layer rules', () => {
  test.each([
    ['a leaf takes from another leaf', 'discovery/pace.ts', '#sharing/errors.js', 'stands alone'],
    ['a leaf takes from the trunk', 'sharing/errors.ts', '#src/failure.js', 'stands alone'],
    ['settings take from a leaf', 'config/quantity.ts', '#discovery/pace.js', 'stands alone'],
    ['a leaf logs', 'sharing/server.ts', 'pino', 'Only src knows the log'],
    ['a leaf reads a terminal', 'discovery/scanner.ts', 'node:readline', 'Only src knows'],
    ['the wire opens files', 'sharing/wire/frame.ts', 'node:fs', 'This room is pure'],
    ['the wire opens sockets', 'discovery/wire/probe.ts', 'node:dgram', 'This room is pure'],
    ['a session opens files', 'sharing/session/server.ts', 'node:fs/promises', 'This room is pure'],
    ['a session opens sockets', 'sharing/session/client.ts', 'node:tls', 'This room is pure'],
    ['storage opens sockets', 'sharing/storage/share.ts', 'node:net', 'Only sharing/transport'],
    [
      'the scanner opens datagrams',
      'discovery/scanner.ts',
      'dgram-as-promised',
      'Only discovery/socket',
    ],
    ['the trunk goes past a front door', 'src/program.ts', '#sharing/wire/frame.js', 'front doors'],
    ['the trunk opens sockets', 'src/program.ts', 'node:net', 'Only sharing/transport'],
    ['somebody climbs', 'src/command/get.ts', '../failure.js', 'never by climbing'],
  ])('%s', async (_, file, specifier, words) => {
    const found = await complaints(file, use(specifier));
    expect(found.join('\n')).toContain(words);
  });

  test.each([
    [
      'a leaf ends the process',
      'sharing/server.ts',
      'process.exit(1);',
      'no-restricted-properties',
    ],
    [
      'a leaf reads the environment',
      'config/load.ts',
      'export const home = process.env;',
      'no-restricted-properties',
    ],
    [
      'a command reads the environment',
      'src/command/get.ts',
      'export const home = process.env;',
      'no-restricted-properties',
    ],
    ['somebody prints past the view', 'src/command/get.ts', "console.log('x');", 'no-console'],
    [
      'somebody forgets to wait',
      'src/command/get.ts',
      'const f = async () => {};\nf();',
      'no-floating-promises',
    ],
  ])('%s', async (_, file, code, rule) => {
    expect((await complaints(file, code)).join('\n')).toContain(rule);
  });

  test('what is allowed passes', async () => {
    expect(await complaints('src/program.ts', use('#sharing/client.js'))).toEqual([]);
    expect(await complaints('sharing/transport/dial.ts', use('node:tls'))).toEqual([]);
  });
});
