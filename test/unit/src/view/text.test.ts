import type { Answer, FolderAnswer } from '#src/view/answer.js';
import { plainStyle } from '#src/view/style.js';
import { textLines } from '#src/view/text.js';
import { describe, expect, test } from 'vitest';

const folder: FolderAnswer = {
  event: 'folder',
  path: 'a',
  as: 'clientDirectory/new_a',
  files: 3,
  bytes: 2048,
  identical: 0,
  skipped: 0,
  renamed: 0,
  failed: 0,
};

describe('the line of a folder', () => {
  test.each<[Partial<FolderAnswer>, string]>([
    [{}, 'clientDirectory/new_a/  verified  3 files  2 KiB'],
    [{ files: 1, bytes: 5 }, 'clientDirectory/new_a/  verified  1 file  5 B'],
    // One that holds nothing is a folder as well.
    [{ files: 0, bytes: 0 }, 'clientDirectory/new_a/  verified  0 files  0 B'],
    [{ failed: 2 }, 'clientDirectory/new_a/  verified  3 files  2 KiB  (2 FAILED)'],
    [
      { identical: 1, skipped: 2, renamed: 0, failed: 3 },
      'clientDirectory/new_a/  verified  3 files  2 KiB  (1 identical, 2 skipped, 3 FAILED)',
    ],
    [{ as: 'a\u001b[2J' }, 'a\\u{1b}[2J/  verified  3 files  2 KiB'],
  ])('%j: %s', (more, line) => {
    expect(textLines({ ...folder, ...more })).toBe(`${line}\n`);
  });
});

describe('a failure on a narrow screen', () => {
  const narrow = { ...plainStyle, columns: 40 };
  const failed = { event: 'failed', path: null, code: 'x', exit: 4 } as const;

  function linesOf(message: string, hint: string): string[] {
    const answer = { ...failed, message, hint } as unknown as Answer;
    return textLines(answer, undefined, narrow).trimEnd().split('\n');
  }

  test('breaks between words', () => {
    expect(
      linesOf(
        'the server does not know this machine at all',
        'is it on, and on this very network?',
      ),
    ).toEqual([
      'lanpost: the server does not know this',
      'machine at all',
      '  is it on, and on this very network?',
    ]);
  });

  test('leaves a command whole, so that it can be copied', () => {
    const command = 'lanpost peers rights <this machine> read,write,replace';
    expect(linesOf('no', `it is up to its owner: ${command}`)).toEqual([
      'lanpost: no',
      '  it is up to its owner:',
      `  ${command}`,
    ]);
  });

  test('leaves a long name whole, behind the name of the program', () => {
    const name = 'a'.repeat(60);
    expect(linesOf(`${name}: no such file`, 'list shows what is there')[0]).toBe(
      `lanpost: ${name}:`,
    );
  });
});

describe('the line of what was left out', () => {
  test.each([
    [1, 0, 'left out: 1 link'],
    [2, 1, 'left out: 2 links, 1 hidden name'],
    [0, 3, 'left out: 3 hidden names'],
  ])('%i links, %i hidden', (links, hidden, line) => {
    expect(textLines({ event: 'left-out', links, hidden })).toBe(`${line}\n`);
  });
});

test.each([
  ['', 1, 'not listed: 1 name that cannot be shared'],
  ['a', 2, 'not listed in a: 2 names that cannot be shared'],
])('names below "%s" that cannot be shared', (path, names, line) => {
  expect(textLines({ event: 'unlisted', path, names })).toBe(`${line}\n`);
});

test.each([
  ['10.0.0.9', '  also at 10.0.0.9:30001  amber\n'],
  ['fd00::9', '  also at [fd00::9]:30001  amber\n'],
  // Every server has one on each link.
  ['fe80::9%eth0', ''],
])('a further address %s of a server', (address, line) => {
  expect(textLines({ event: 'address', id: null, name: 'amber', port: 30001, address })).toBe(line);
});

test.each<[Answer, string]>([
  [{ event: 'skipped', path: 'a', as: 'new_a' }, 'new_a  skipped, it is there already\n'],
  [
    { event: 'stored', path: 'a', as: 'new_a', size: 5, digest: '', identical: false },
    'stored as new_a  verified  5 B\n',
  ],
  [
    { event: 'stored', path: 'a', as: 'new_a', size: 5, digest: '', identical: true },
    'new_a  identical, nothing written\n',
  ],
  [
    { event: 'received', path: 'a', as: 'here/new_a', size: 5, digest: '', identical: false },
    'here/new_a  verified  5 B\n',
  ],
])('%j', (answer, lines) => {
  expect(textLines(answer)).toBe(lines);
});

describe('the lines of a finding', () => {
  const finding = { event: 'finding', code: 'x', weight: 'blocks', message: 'it is so' } as const;

  test('the sentence, then what is known, then what to type', () => {
    const answer = { ...finding, details: ['one', 'two'], commands: ['ip link', 'ip route'] };
    expect(textLines(answer)).toBe('it is so\n  one\n  two\n  $ ip link\n  $ ip route\n');
  });

  test('a sentence alone', () => {
    expect(textLines({ ...finding, details: [], commands: [] })).toBe('it is so\n');
  });
});

test('what was looked at stands in two columns', () => {
  const check = { event: 'check', about: 'port', name: 'UDP 30000', text: 'free' } as const;
  expect(textLines(check)).toBe('  UDP 30000       free\n');
  expect(textLines({ ...check, name: '\u001b[2J' })).toBe('  \\u{1b}[2J       free\n');
});

test('a hint of several lines is set in as one', () => {
  const failed = {
    event: 'failed',
    path: null,
    code: 'nobody-found',
    message: 'no',
    exit: 3,
  } as const;
  expect(textLines({ ...failed, hint: 'one\n  two\nthree' })).toBe(
    'lanpost: no\n  one\n    two\n  three\n',
  );
});

describe('the row of a listing', () => {
  const mtime = Date.UTC(2026, 10, 20, 18, 22, 31) * 1000;
  const file = { event: 'entry', path: 'a.txt', type: 'file', size: 1536, mtime } as const;
  const row = (more: object, style: object): string =>
    textLines({ ...file, ...more }, undefined, { ...plainStyle, ...style });

  test('is aligned, whatever it shows', () => {
    expect(row({}, {})).toMatch(/^ {2}1\.5 KiB {2}[-\d]{10} [:\d]{5} {2}a\.txt\n$/);
    expect(row({ type: 'folder' }, {})).toMatch(/^ {3}folder {2}[-\d]{10} [:\d]{5} {2}a\.txt\/\n$/);
    expect(row({}, { bytes: true })).toMatch(/^ {9}1536 B {2}/);
    expect(row({}, { long: true })).toMatch(
      /^file {6}1\.5 KiB {2}[-\d]{10} [:\d]{5}:31 [-+]\d{4} {2}a\.txt\n$/,
    );
    const widths = [{}, { type: 'folder' }].map((more) =>
      row(more, { long: true }).indexOf('a.txt'),
    );
    expect(new Set(widths).size).toBe(1);
  });

  test('has a colour only for a folder, and none in what a name holds', () => {
    expect(row({}, { color: true })).toBe(row({}, {}));
    expect(row({ type: 'folder', path: 'a\u001b[31mb' }, { color: true })).toContain(
      '  \u001b[1;34ma\\u{1b}[31mb/\u001b[0m\n',
    );
  });
});

test('a failure begins in red where colours are', () => {
  const failed = { event: 'failed', path: null, code: 'x', message: 'no', exit: 5 } as const;
  expect(textLines(failed)).toBe('lanpost: no\n');
  expect(textLines(failed, undefined, { ...plainStyle, color: true })).toBe(
    '\u001b[31mlanpost:\u001b[0m no\n',
  );
});

test('sizes are exact when that is asked for', () => {
  const exact = { ...plainStyle, bytes: true };
  expect(textLines(folder, undefined, exact)).toBe(
    'clientDirectory/new_a/  verified  3 files  2048 B\n',
  );
  const setting = { event: 'setting', key: 'quota', value: 1024 ** 4, text: '1 TiB' } as const;
  expect(textLines({ ...setting, origin: 'default' }, undefined, exact)).toContain(
    '1099511627776 B',
  );
  expect(textLines({ ...setting, origin: 'default' })).toContain('1 TiB');
});

test('on a narrow screen what doctor says goes on below itself, and commands stay whole', () => {
  const narrow = { ...plainStyle, columns: 40 };
  const finding = {
    event: 'finding',
    message: 'the firewall of this machine keeps others from finding a server here',
    details: ['the chain input of the table filter drops it'],
    commands: ['sudo nft insert rule inet filter input udp dport 30000 accept'],
  } as unknown as Answer;
  expect(textLines(finding, undefined, narrow)).toBe(
    [
      'the firewall of this machine keeps',
      'others from finding a server here',
      '  the chain input of the table filter',
      '  drops it',
      '  $ sudo nft insert rule inet filter input udp dport 30000 accept',
      '',
    ].join('\n'),
  );
  const check = {
    event: 'check',
    name: 'v0',
    text: 'wired: probe sent, own broadcast heard',
  } as unknown as Answer;
  expect(textLines(check, undefined, narrow)).toBe(
    [`  ${'v0'.padEnd(14)}  wired: probe sent, own`, `${' '.repeat(18)}broadcast heard`, ''].join(
      '\n',
    ),
  );
});
