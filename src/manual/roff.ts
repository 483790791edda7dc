/** One request or line of text of a manual page, without its line feed. */
export type RoffLine = string;

/** One argument of a request, which may be any text. */
export function quoted(words: string): string {
  return `"${escaped(words)}"`;
}

/** A line of text: nothing in it is taken for a request, and every character is shown as itself. */
export function text(words: string): RoffLine {
  return escaped(words).replace(/^[.']/, '\\&$&');
}

/** The same in bold, as what is typed is shown. */
export function bold(words: string): RoffLine {
  return `\\fB${escaped(words)}\\fR`;
}

const named: Readonly<Record<string, string>> = {
  '\\': '\\e',
  // A hyphen that can be copied into a shell.
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

function escaped(words: string): string {
  return Array.from(words.replace(/\s+/g, ' '), roffCharacter).join('');
}

function roffCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code > 0x7e) return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
  return named[character] ?? character;
}
