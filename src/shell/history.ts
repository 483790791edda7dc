import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lines that are kept from one shell to the next; the file may have twice as many before it is written anew. */
const kept = 500;

/** The lines of earlier shells, newest first, each once. */
export function readHistory(stateFolder: string): readonly string[] {
  try {
    const lines = readFileSync(placeOf(stateFolder), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    const newest = [...new Set(lines.reverse())].slice(0, kept);
    if (lines.length > 2 * kept) shorten(stateFolder, newest);
    return newest;
  } catch {
    return [];
  }
}

/**
 * Keeps a line. It goes behind what is there, so that shells that run at once take nothing from one another. Failing to
 * is no failure.
 */
export function keepLine(stateFolder: string, line: string): void {
  if (line.trim() === '' || holdsCode(line)) return;
  try {
    appendFileSync(placeOf(stateFolder), `${line}\n`, { mode: 0o600 });
  } catch {
    return;
  }
}

function shorten(stateFolder: string, newest: readonly string[]): void {
  const place = placeOf(stateFolder);
  writeFileSync(`${place}.new`, `${[...newest].reverse().join('\n')}\n`, { mode: 0o600 });
  renameSync(`${place}.new`, place);
}

/** A code that was typed where nobody asked for it; without its dash many a name looks like one, but not alone. */
function holdsCode(line: string): boolean {
  const isAlone = /^\s*(?=\S*\d)[\dA-Z]{8}\s*$/i.test(line);
  return isAlone || line.split(/\s+/).some((word) => /^[\da-z]{4}-[\da-z]{4}$/i.test(word));
}

function placeOf(stateFolder: string): string {
  return join(stateFolder, 'history');
}
