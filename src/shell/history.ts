import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lines that are kept from one shell to the next. */
const kept = 500;

/** The lines of earlier shells, newest first. */
export function readHistory(stateFolder: string): readonly string[] {
  try {
    return readFileSync(placeOf(stateFolder), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}

/** Keeps the lines, newest first. Failing to is no failure. */
export function keepHistory(stateFolder: string, history: readonly string[]): void {
  try {
    writeFileSync(placeOf(stateFolder), `${history.slice(0, kept).join('\n')}\n`, { mode: 0o600 });
  } catch {
    return;
  }
}

function placeOf(stateFolder: string): string {
  return join(stateFolder, 'history');
}
