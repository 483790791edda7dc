import { expect, test } from 'vitest';
import { parseCommandLine, parsePromptLine } from '#src/arguments.js';
import { ProgramError } from '#src/failure.js';

function failureOf(run: () => unknown): {
  code: string;
  message: string;
  hint: string | undefined;
} {
  try {
    run();
  } catch (error) {
    if (error instanceof ProgramError) {
      const { code, message, hint } = error;
      return { code, message, hint };
    }
    throw error;
  }
  throw new Error('this should have failed');
}

test('no words: no verb, nothing given', () => {
  const line = parseCommandLine([]);
  expect(line).toEqual({
    command: undefined,
    call: { server: undefined, words: [], options: expect.anything() as unknown },
    json: false,
    quiet: false,
    help: false,
    bytes: false,
    configFile: undefined,
    flags: {},
  });
});

test('the first word is the verb, the second the server of those that need one', () => {
  const { command, call } = parseCommandLine(['get', 'amber', 'a.txt', 'b.txt', '--as', 'c.txt']);
  expect(command?.name).toBe('get');
  expect(call).toMatchObject({ server: 'amber', words: ['a.txt', 'b.txt'] });
  expect(call.options['as']).toBe('c.txt');
  const serve = parseCommandLine(['serve', 'amber']);
  expect(serve.call).toMatchObject({ server: undefined, words: ['amber'] });
});

test('options may stand anywhere; a value of one is never taken for the verb', () => {
  const words = ['--udp-port', '4000', '--as', 'x', 'put', '--json', 'amber', '-q', 'a'];
  const line = parseCommandLine(words);
  expect(line.command?.name).toBe('put');
  expect(line).toMatchObject({ json: true, quiet: true, flags: { udpPort: '4000' } });
  expect(line.call).toMatchObject({ server: 'amber', words: ['a'] });
});

test('servers that an option names take no place among the words', () => {
  const { call } = parseCommandLine(['put', 'a.txt', '--to', 'amber,birch', 'b.txt']);
  expect(call).toMatchObject({ server: undefined, words: ['a.txt', 'b.txt'] });
  expect(failureOf(() => parseCommandLine(['put', '--to', 'amber']))).toMatchObject({
    message: 'put needs to know what',
  });
  expect(failureOf(() => parseCommandLine(['get', '--to', 'amber', 'a']))).toMatchObject({
    message: 'there is no option "--to" here',
  });
});

test('aliases are the verb', () => {
  expect(parseCommandLine(['ls', 'amber']).command?.name).toBe('list');
  expect(parseCommandLine(['rlist', 'amber', 'a']).call.words).toEqual(['a']);
});

test('settings are flags, kept by their key and not yet judged', () => {
  const { flags } = parseCommandLine(['config', '--max-file-size=1', '--name', '', '--tcp-port=x']);
  expect(flags).toEqual({ maxFileSize: '1', name: '', tcpPort: 'x' });
  expect(parseCommandLine(['config', '--no-color']).flags).toEqual({ color: 'never' });
});

test.each([
  [['--open'], 'read'],
  [['--open=rw'], 'rw'],
  [['--open', 'rw'], 'rw'],
  [['--open', 'no'], 'no'],
  [['--open', '--tcp-port', '0'], 'read'],
  [['--open=all'], 'all'],
])('%s means open %s', (words, open) => {
  expect(parseCommandLine(['serve', ...words]).flags.open).toBe(open);
});

test('what follows a bare --open stays the folder', () => {
  const { flags, call } = parseCommandLine(['serve', '--open', 'Public']);
  expect([flags.open, call.words]).toEqual(['read', ['Public']]);
});

test('after -- all is words', () => {
  const { call } = parseCommandLine(['get', 'amber', '--', '--open', '-q', '--as']);
  expect(call.words).toEqual(['--open', '-q', '--as']);
});

test('--config names the file', () => {
  expect(parseCommandLine(['scan', '--config', 'mine.json']).configFile).toBe('mine.json');
});

test('with --help nothing may be missing', () => {
  for (const words of [['get'], ['get', 'amber'], ['list', 'a', 'b', 'c'], ['-h', 'put']]) {
    const option = words[0] === '-h' ? [] : ['--help'];
    expect(parseCommandLine([...words, ...option]).help).toBe(true);
  }
});

test('one word too few or too many', () => {
  expect(failureOf(() => parseCommandLine(['get']))).toMatchObject({
    code: 'usage',
    hint: 'usage: lanpost get <server> <path>...',
  });
  expect(failureOf(() => parseCommandLine(['get', 'amber'])).hint).toContain('<path>...');
  expect(failureOf(() => parseCommandLine(['list', 'amber', 'a', 'b'])).message).toContain('"b"');
  expect(failureOf(() => parsePromptLine(['bye', 'now'])).message).toContain('"now"');
  expect(failureOf(() => parsePromptLine(['cancel'])).hint).toBe('usage: cancel <number>');
});

test('a slip is answered with what was meant', () => {
  expect(failureOf(() => parseCommandLine(['lits']))).toEqual({
    code: 'usage',
    message: 'there is no verb "lits"',
    hint: 'did you mean list?',
  });
  expect(failureOf(() => parseCommandLine(['scan', '--tpc-port', '1'])).hint).toBe(
    'did you mean --tcp-port?',
  );
  expect(failureOf(() => parsePromptLine(['conect', 'amber'])).hint).toBe('did you mean connect?');
  expect(failureOf(() => parseCommandLine(['xyzzy'])).hint).toBe('help lists the verbs');
});

test('names that objects inherit are neither verbs nor options', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    expect(failureOf(() => parseCommandLine([name])).code).toBe('usage');
    expect(failureOf(() => parseCommandLine(['scan', `--${name}`])).code).toBe('usage');
    expect(failureOf(() => parsePromptLine([name])).code).toBe('usage');
  }
});

test('what was typed is quoted before it is shown', () => {
  const { message } = failureOf(() => parseCommandLine(['\u001b[2J\u202e']));
  expect(message).toBe('there is no verb "\\u{1b}[2J\\u{202e}"');
  const option = failureOf(() => parseCommandLine(['scan', '--\u001b[2J']));
  expect(option.message).not.toContain('\u001b');
});

test.each([
  [['-help'], 'there is no option "-help" here', 'did you mean --help?'],
  [['scan', '-json'], 'there is no option "-json" here', 'did you mean --json?'],
  [['scan', '-deep'], 'there is no option "-deep" here', 'did you mean --deep?'],
  [
    ['list', 'amber', '-lx'],
    'there is no option "-lx" here',
    'help <verb> shows its options; a name that begins with a dash comes after --',
  ],
  [['get', 'amber', 'a', '--as'], '--as needs a value', 'such as --as=<name>'],
  [['get', 'amber', 'a', '--as', '--json'], '--as needs a value', 'such as --as=<name>'],
  [['get', 'amber', 'a', '--as', '-draft.txt'], '--as needs a value', 'write --as=-draft.txt'],
  [['scan', '--json=yes'], '--json takes no value', 'help <verb> shows its options'],
  [['scan', '--help=1'], '--help takes no value', 'help <verb> shows its options'],
])('%j: %s', (words, message, hint) => {
  expect(failureOf(() => parseCommandLine(words))).toEqual({ code: 'usage', message, hint });
});

test('a value may begin with a dash when it is written with its option', () => {
  const { call } = parseCommandLine(['get', 'amber', 'a', '--as=-draft.txt']);
  expect(call.options['as']).toBe('-draft.txt');
});

test('at the prompt there is no server and no switch of one shot', () => {
  const { command, call } = parsePromptLine(['get', 'amber', 'a.txt']);
  expect(command.name).toBe('get');
  expect(call).toMatchObject({ server: undefined, words: ['amber', 'a.txt'] });
  expect(parsePromptLine(['put', 'a', '--trust', 'ABCD']).call.options['trust']).toBe('ABCD');
  expect(failureOf(() => parsePromptLine(['scan', '--quiet'])).code).toBe('usage');
  expect(failureOf(() => parsePromptLine(['serve'])).code).toBe('usage');
});

test.each([
  [['get', 'a', '--code-file', 'code'], '--code-file is for first contact'],
  [['get', 'a', '--code-file', '-'], '--code-file is for first contact'],
  [['rlist', '--code-file=code'], '--code-file is for first contact'],
  [['put', 'a', '--code-file', 'code'], '--code-file is for first contact'],
  [['connect', 'amber', '--code-file', '-'], 'standard input holds the commands'],
  [['put', 'a', '--to', 'amber', '--code-file=-'], 'standard input holds the commands'],
])('a code that nobody would read is refused at the prompt: %j', (words, message) => {
  const failure = failureOf(() => parsePromptLine(words));
  expect(failure).toMatchObject({ code: 'usage' });
  expect(failure.message).toContain(message);
});

test('a code for a new session is taken at the prompt, and in one shot from standard input too', () => {
  for (const words of [
    ['connect', 'amber', '--code-file', 'code'],
    ['put', 'a', '--to', 'amber', '--code-file', 'code'],
  ]) {
    expect(parsePromptLine(words).call.options['code-file']).toBe('code');
  }
  const { call } = parseCommandLine(['get', 'amber', 'a', '--code-file', '-']);
  expect(call.options['code-file']).toBe('-');
});
