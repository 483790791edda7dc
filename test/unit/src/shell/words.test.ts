import { expect, test } from 'vitest';
import { ProgramError } from '#src/failure.js';
import { splitWords } from '#src/shell/words.js';

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
  ['get # not a comment', ['get', '#', 'not', 'a', 'comment']],
  ['get Müller🎈.txt', ['get', 'Müller🎈.txt']],
])('%j', (line, words) => {
  expect(splitWords(line, 'linux')).toEqual(words);
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
])('on Windows a backslash is part of a path: %j', (line, words) => {
  expect(splitWords(line, 'win32')).toEqual(words);
});

test.each(['get "a b', "get 'a b", 'get "a\\"', '"', 'get a"'])('%j is not closed', (line) => {
  expect(() => splitWords(line, 'linux')).toThrow(ProgramError);
  expect(() => splitWords(line, 'linux')).toThrow(/is not closed/);
});
