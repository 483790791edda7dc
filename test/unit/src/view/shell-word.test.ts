import { expect, test } from 'vitest';
import { shellWord } from '#src/view/shell-word.js';

test.each([
  ['/srv/share', '/srv/share'],
  ['eth0.100@if3', 'eth0.100@if3'],
  ['two words', "'two words'"],
  ["it's", "'it'\\''s'"],
  ['$(touch x)', "'$(touch x)'"],
  ['a;b', "'a;b'"],
  ['', "''"],
  ['a\n\u001b[2J', "'a\\u{a}\\u{1b}[2J'"],
])('%j is one word for a shell', (name, word) => {
  expect(shellWord(name)).toBe(word);
});
