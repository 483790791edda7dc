import { ProgramError } from '#src/failure.js';

/**
 * The words of one line: blanks separate, single quotes keep everything, double quotes keep all but
 * `\"` and `\\`, a backslash keeps the next character. Throws ProgramError `usage` for an open quote.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quoted: '"' | "'" | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (quoted === "'") {
      if (character === "'") quoted = undefined;
      else word = (word ?? '') + character;
    } else if (character === '\\' && (quoted === undefined || /["\\]/.test(line.charAt(at + 1)))) {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (quoted === '"') {
      if (character === '"') quoted = undefined;
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quoted = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quoted !== undefined)
    throw new ProgramError(
      'usage',
      `the quote ${quoted} is not closed`,
      `a quote that belongs to a name is written \\${quoted}`,
    );
  return word === undefined ? words : [...words, word];
}
