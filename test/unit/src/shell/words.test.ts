import { expect, test } from 'vitest';
import { ProgramError } from '#src/failure.js';
import { splitLine } from '#src/shell/words.js';

test.each<[string, string[]]>([
  ['', []],
  ['   ', []],
  ['get a.txt', ['get', 'a.txt']],
  ['  get \t a.txt  ', ['get', 'a.txt']],
  ['get "two words.txt"', ['get', 'two words.txt']],
  ["get 'two words.txt'", ['get', 'two words.txt']],
  ['get two\\ words.txt', ['get', 'two words.txt']],
  ['get it\\\'s "it\'s"', ['get', "it's", "it's"]],
  ['get "say \\"hi\\""', ['get', 'say "hi"']],
  ['get \'say "hi"\'', ['get', 'say "hi"']],
  ['get "C:\\new\\\\x"', ['get', 'C:\\new\\x']],
  ["get 'C:\\new'", ['get', 'C:\\new']],
  ['get a\\\\b', ['get', 'a\\b']],
  ['get "" \'\'', ['get', '', '']],
  ['get a"b c"d\'e f\'', ['get', 'ab cde f']],
  ["get a # that's why", ['get', 'a']],
  ['# all of it', []],
  ['get a#b c\'#\' "#" \\#', ['get', 'a#b', 'c#', '#', '#']],
  ['get a & b', ['get', 'a', '&', 'b']],
  ['get "&" \\&', ['get', '&', '&']],
  ['get Müller🎈.txt', ['get', 'Müller🎈.txt']],
])('%j', (line, words) => {
  expect(splitLine(line, 'linux').words).toEqual(words);
});

test.each<[string, string[]]>([
  ['put C:\\Users\\me\\a.txt', ['put', 'C:\\Users\\me\\a.txt']],
  ['put C:\\pics\\*.jpg b\\', ['put', 'C:\\pics\\*.jpg', 'b\\']],
  ['put C:\\my\\ files\\a.txt', ['put', 'C:\\my files\\a.txt']],
  ['put "C:\\my files\\a.txt"', ['put', 'C:\\my files\\a.txt']],
  ["put it\\'s C:\\\\new", ['put', "it's", 'C:\\new']],
  ['put \\\\nas\\share\\a.txt', ['put', '\\\\nas\\share\\a.txt']],
  ['put "\\\\nas\\my share"', ['put', '\\\\nas\\my share']],
  ['put \\\\\\\\nas\\\\share', ['put', '\\\\nas\\share']],
  ['put \\#a C:\\#b\\&c d\\&', ['put', '#a', 'C:\\#b\\&c', 'd&']],
])('on Windows a backslash is part of a path: %j', (line, words) => {
  expect(splitLine(line, 'win32').words).toEqual(words);
});

test.each<[string, string | undefined]>([
  ['get "a b"&', 'get "a b"'],
  [' get a & ', 'get a'],
  ['get a &  # why &', 'get a'],
  ['get a # why &', undefined],
  ['get a "&"', undefined],
  ['get a\\&', undefined],
])('what runs beside the prompt for %j', (line, beside) => {
  expect(splitLine(line, 'linux').beside).toBe(beside);
});

test.each(['get "a b', "get 'a b", 'get "a\\"', '"', 'get a"'])('%j is not closed', (line) => {
  expect(() => splitLine(line, 'linux')).toThrow(ProgramError);
  expect(() => splitLine(line, 'linux')).toThrow(/is not closed/);
});
