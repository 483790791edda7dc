import { ProgramError } from '#src/failure.js';

/**
 * The words of one line: blanks separate, single quotes keep everything, double quotes keep all but
 * `\"` and `\\`, a backslash keeps the next character; on Windows, where it is part of a path, only a blank, a
 * quote and another backslash, but not the two of `\\server\share`. Throws ProgramError `usage` for an open quote.
 */
export function splitWords(line: string, platform: NodeJS.Platform): string[] {
  const { words, last } = readWords(line, platform);
  if (last?.quoted !== undefined)
    throw new ProgramError(
      'usage',
      `the quote ${last.quoted} is not closed`,
      `a quote that belongs to a name is written \\${last.quoted}`,
    );
  return last ? [...words, last.value] : [...words];
}

/** A line as far as it is typed. */
export interface ReadWords {
  /** Those with a blank behind them. */
  readonly words: readonly string[];
  /** The one at the end of the line; undefined after a blank. */
  readonly last: OpenWord | undefined;
}

/** A word that may go on. */
export interface OpenWord {
  readonly value: string;
  /** Where it begins in the line. */
  readonly from: number;
  /** The quote that is open at its end. */
  readonly quoted: Quote;
  /** A backslash ends it, and keeps what comes next. */
  readonly escaping: boolean;
}

export type Quote = '"' | "'" | undefined;

/** A folder of another machine, as Windows writes it. */
const share = /^\\\\[^\\\s"']+\\(?!\\)/;

/** Reads what stands before the cursor. */
export function readWords(line: string, platform: NodeJS.Platform): ReadWords {
  const isOnWindows = platform === 'win32';
  const kept = isOnWindows ? /[\s"'\\]/ : /^/;
  const words: string[] = [];
  let word: string | undefined;
  let from = 0;
  let quoted: Quote;
  let escaping = false;
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (word === undefined) from = at;
    if (quoted === "'") {
      if (character === "'") quoted = undefined;
      else word = (word ?? '') + character;
    } else if (isOnWindows && (word ?? '') === '' && share.test(line.slice(at))) {
      at += 1;
      word = '\\\\';
    } else if (character === '\\' && (quoted ? /["\\]/ : kept).test(line.charAt(at + 1))) {
      at += 1;
      word = (word ?? '') + line.charAt(at);
      escaping = at === line.length;
    } else if (quoted === '"') {
      if (character === '"') quoted = undefined;
      else word = (word ?? '') + character;
      escaping = character === '\\' && at === line.length - 1;
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
  return { words, last: word === undefined ? undefined : { value: word, from, quoted, escaping } };
}

/** A text written so that it is read as it is where that quote is open. */
export function writtenIn(quoted: Quote, text: string): string {
  if (quoted === "'") return text.replaceAll("'", "'\\''");
  if (quoted === '"') return text.replace(/["\\]/g, '\\$&');
  return text.replace(/[\s"'\\]/g, '\\$&');
}
