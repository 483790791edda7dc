/**
 * A whole number written in plain decimal digits: no sign, space, exponent, other base or leading
 * zero (which some read as octal). Anything else: undefined.
 */
export function readCount(text: string): number | undefined {
  return plainDigits.test(text) ? Number(text) : undefined;
}

/** Bytes from `1024`, `64KiB`, `10M` (binary) or `500kB` (decimal). Anything else: undefined. */
export function readBytes(text: string): number | undefined {
  return readWithUnit(text, bytesPerUnit);
}

/** Milliseconds from `1500`, `1500ms`, `2s` or `1m`. Anything else: undefined. */
export function readMilliseconds(text: string): number | undefined {
  return readWithUnit(text, millisecondsPerUnit);
}

/** The shortest exact text that `readBytes` reads back: `256MiB`, or plain digits. */
export function bytesText(bytes: number): string {
  return inLargestUnit(bytes, [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ]);
}

/** The shortest exact text that `readMilliseconds` reads back: `35s`, `1500ms`. */
export function millisecondsText(milliseconds: number): string {
  return inLargestUnit(milliseconds, [
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ]);
}

const plainDigits = /^(?:0|[1-9]\d*)$/;

// `KB` is missing on purpose: half the world reads 1000, the other half 1024.
const bytesPerUnit: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ...['K', 'M', 'G', 'T'].flatMap((letter, index): [string, number][] => [
    [letter, 1024 ** (index + 1)],
    [`${letter}iB`, 1024 ** (index + 1)],
    [letter === 'K' ? 'kB' : `${letter}B`, 1000 ** (index + 1)],
  ]),
]);

const millisecondsPerUnit: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
]);

function readWithUnit(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const digits = /^\d+/.exec(text)?.[0] ?? '';
  const amount = readCount(digits);
  const factor = units.get(text.slice(digits.length));
  return amount === undefined || factor === undefined ? undefined : amount * factor;
}

function inLargestUnit(amount: number, units: readonly (readonly [string, number])[]): string {
  const fitting = units.find(([, factor]) => amount >= factor && amount % factor === 0);
  return fitting === undefined ? String(amount) : `${amount / fitting[1]}${fitting[0]}`;
}
