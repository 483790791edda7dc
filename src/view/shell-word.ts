import { quote } from './quote.js';

/** One word of a command for the shell of Linux and macOS, whatever a file, an interface or a chain is called. */
export function shellWord(name: string): string {
  const word = quote(name);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
