import { run, type Ended, type Line, type Place } from './program.js';

/** Runs doctor to its end. */
export function doctor(host: Place, words: readonly string[] = []): Promise<Ended> {
  return run(host, ['doctor', '--json', ...words]);
}

export function findings({ lines }: Pick<Ended, 'lines'>): readonly Line[] {
  return lines.filter(({ event }) => event === 'finding');
}

export function codes(ended: Pick<Ended, 'lines'>): unknown[] {
  return findings(ended).map(({ code }) => code);
}

/** The commands that a finding prints, the first one if none is named. */
export function commands(ended: Pick<Ended, 'lines'>, code?: string): readonly string[] {
  const found = findings(ended);
  const one = code === undefined ? found[0] : found.find((line) => line['code'] === code);
  return (one?.['commands'] ?? []) as string[];
}

/** Where a line of `scan --json` says that a server is. */
export function addressesOf(line: Line): readonly string[] {
  if (line.event === 'server') return line['addresses'] as string[];
  return line.event === 'address' ? [String(line['address'])] : [];
}
