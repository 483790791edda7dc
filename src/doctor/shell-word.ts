import { quote } from '#src/view/quote.js';

/** One word of a command for the shell of Linux and macOS, whatever an interface or a chain is called. */
export function shellWord(name: string): string {
  return /^[\w.@%:/-]+$/.test(name) ? name : `'${quote(name).replaceAll("'", "'\\''")}'`;
}
