import { expect, test } from 'vitest';
import { isSafeName, pathText, patternPath, safeName, safePath } from '#sharing/storage/path.js';

test.each([
  'a.txt',
  'a b',
  ' leading and trailing ',
  'quotes "and\' more',
  'emoji 👩‍👩‍👧 🏝',
  'e\u0301 and \u00e9',
  'a:b',
  'con',
  '-rf',
  '~',
  '%2e%2e',
  '．．',
  'x'.repeat(240),
])('%j is a name', (name) => {
  expect(safeName(name)).toBe(name);
  expect(isSafeName(name)).toBe(true);
});

test.each([
  ['', 'name-refused'],
  ['.', 'name-refused'],
  ['..', 'name-refused'],
  ['.bashrc', 'name-refused'],
  ['.lanpost', 'name-refused'],
  ['a/b', 'name-refused'],
  ['a\\b', 'name-refused'],
  ['a\u0000', 'name-refused'],
  ['a\nb', 'name-refused'],
  ['a\u001b[31m', 'name-refused'],
  ['a\u007f', 'name-refused'],
  ['a\u0085', 'name-refused'],
  ['a\u2028b', 'name-refused'],
  ['a\u202egpj.exe', 'name-refused'],
  ['a\u2066b', 'name-refused'],
  ['a\ud800', 'name-refused'],
  ['x'.repeat(241), 'name-too-long'],
  ['é'.repeat(121), 'name-too-long'],
])('%j is refused', (name, code) => {
  expect(() => safeName(name)).toThrow(expect.objectContaining({ code }) as Error);
  expect(isSafeName(name)).toBe(false);
});

test.each([
  ['', []],
  ['a', ['a']],
  ['a/b c/d', ['a', 'b c', 'd']],
])('the path %j has the names %j', (text, names) => {
  expect(safePath(text)).toEqual(names);
  expect(pathText(safePath(text))).toBe(text);
});

test.each([
  '/',
  '/etc/passwd',
  'a/',
  'a//b',
  '../a',
  'a/../../b',
  'a/./b',
  'a/.git/config',
  'C:\\x',
])('the path %j is refused, not repaired', (text) => {
  expect(() => safePath(text)).toThrow(expect.objectContaining({ code: 'name-refused' }) as Error);
});

test('32 names are deep enough', () => {
  expect(safePath(Array(32).fill('a').join('/'))).toHaveLength(32);
  expect(() => safePath(Array(33).fill('a').join('/'))).toThrow(/32 names/);
});

test.each(['GIT~1', 'LANPOS~1', 'git~1.txt', 'a~12', 'LONGNA~1.TXT', 'X~1.'])(
  'on Windows %j may be another file',
  (name) => {
    expect(() => safeName(name, 'win32')).toThrow(/Windows|blank/);
    expect(isSafeName(name, 'win32')).toBe(false);
    expect(isSafeName(name, 'linux')).toBe(true);
  },
);

test.each(['notes~1.docx', 'a long name~1', '~', 'a~b', 'name.~1', '~1'])(
  'on Windows %j is no short name',
  (name) => {
    expect(isSafeName(name, 'win32')).toBe(true);
  },
);

test.each(['\u200b.git', '\u00ad\u200c.lanpost', '\ufeff.ssh'])(
  '%j is hidden where a file system passes over what nobody sees',
  (name) => {
    expect(() => safeName(name)).toThrow(/begin with a dot/);
    expect(isSafeName(name)).toBe(false);
  },
);

test('a pattern is judged as the path that it stands for', () => {
  expect(patternPath('photos/20??/*.jpg')).toEqual(['photos', '20??', '*.jpg']);
  expect(patternPath('*')).toEqual(['*']);
});

test.each([
  ['/*', 'name-refused'],
  ['*//a', 'name-refused'],
  ['../*', 'name-refused'],
  ['.ssh/*', 'name-refused'],
  ['a*\u001b', 'name-refused'],
  ['*/'.repeat(32) + '*', 'name-refused'],
  [`*${'x'.repeat(240)}`, 'name-too-long'],
])('the pattern %j is refused', (text, code) => {
  expect(() => patternPath(text)).toThrow(expect.objectContaining({ code }));
});
