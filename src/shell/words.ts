import { ProgramError } from '#src/failure.js';

/** One line, told apart. */
export interface SplitLine {
  readonly words: readonly string[];
  /** What stands before an `&` at its end, which runs it beside the prompt. */
  readonly beside: string | undefined;
}

/**
 * The words of one line: blanks separate, single quotes keep everything, double quotes keep all but
 * `\"` and `\\`, a backslash keeps the next character; on Windows, where it is part of a path, only a blank, a
 * quote, another backslash, but not the two of `\\server\share`, and what would end the line. As in other shells a `#` where a
 * word would begin starts a comment. Throws ProgramError `usage` for an open quote.
 */
export function splitLine(line: string, platform: NodeJS.Platform): SplitLine {
  const { overAt } = readWords(line, platform);
  const read = line.slice(0, overAt);
  const { words, last } = readWords(read, platform);
  if (last?.quoted !== undefined)
    throw new ProgramError(
      'usage',
      `the quote ${last.quoted} is not closed`,
      `a quote that belongs to a name is written \\${last.quoted}`,
    );
  const beside = overAt !== undefined && line[overAt] === '&' ? read.trim() : undefined;
  return { words: last ? [...words, last.value] : words, beside };
}

/** A line as far as it is typed. */
export interface ReadWords {
  /** Those with a blank behind them. */
  readonly words: readonly string[];
  /** The one at the end of the line; undefined after a blank. */
  readonly last: OpenWord | undefined;
  /** Where a comment begins, or the `&` stands that ends the line; both are read as words all the same: they may go on as such. */
  readonly overAt: number | undefined;
}

/** A word that may go on. */
export interface OpenWord {
  readonly value: string;
  /** Where it begins in the line. */
  readonly from: number;
  /** The quote that is open at its end. */
  readonly quoted: Quote;
  /** A backslash keeps what comes next, or the line is over with it: it cannot go on as it stands. */
  readonly isStuck: boolean;
}

export type Quote = '"' | "'" | undefined;

/** A folder of another machine, as Windows writes it. */
const share = /^\\\\[^\\\s"']+\\(?!\\)/;

/** The `&` behind which nothing comes but a comment. */
const lastSign = /^&(\s+#|\s*$)/;

/** Reads what stands before the cursor. */
export function readWords(line: string, platform: NodeJS.Platform): ReadWords {
  const isOnWindows = platform === 'win32';
  const words: string[] = [];
  let word: string | undefined;
  let from = 0;
  let quoted: Quote;
  let escaping = false;
  let overAt: number | undefined;
  /** The line is over at this place, unless that is quoted. */
  const isOver = (at: number): boolean =>
    (word === undefined && line[at] === '#') || lastSign.test(line.slice(at));
  const isKept = (at: number): boolean =>
    quoted
      ? /["\\]/.test(line.charAt(at))
      : !isOnWindows || /[\s"'\\]/.test(line.charAt(at)) || isOver(at);
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (word === undefined) from = at;
    if (quoted === "'") {
      if (character === "'") quoted = undefined;
      else word = (word ?? '') + character;
    } else if (isOnWindows && (word ?? '') === '' && share.test(line.slice(at))) {
      at += 1;
      word = '\\\\';
    } else if (character === '\\' && isKept(at + 1)) {
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
      if (isOver(at)) overAt ??= at;
      word = (word ?? '') + character;
    }
  }
  const isStuck = escaping || (overAt !== undefined && overAt >= from);
  const last = word === undefined ? undefined : { value: word, from, quoted, isStuck };
  return { words, last, overAt };
}

/** A text written so that it is read as it is where that quote is open; with it a word may begin or end. */
export function writtenIn(
  quoted: Quote,
  text: string,
  { begins, ends }: { readonly begins: boolean; readonly ends: boolean },
): string {
  if (quoted === "'") return text.replaceAll("'", "'\\''");
  if (quoted === '"') return text.replace(/["\\]/g, '\\$&');
  let written = text.replace(/[\s"'\\]/g, '\\$&');
  if (begins) written = written.replace(/^#/, '\\#');
  if (ends) written = written.replace(/&$/, '\\&');
  return written;
}
