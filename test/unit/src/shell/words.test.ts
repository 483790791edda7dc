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
  expect(splitWords(line)).toEqual(words);
});

test.each(['get "a b', "get 'a b", 'get "a\\"', '"', 'get a"'])('%j is not closed', (line) => {
  expect(() => splitWords(line)).toThrow(ProgramError);
  expect(() => splitWords(line)).toThrow(/is not closed/);
});
