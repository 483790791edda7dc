import { createHash } from 'node:crypto';

/** Symbols of ids and codes (Crockford base32). */
const symbols = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const grouped = /\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\b/g;

/**
 * Words of a run as they are in every run. The rule: each id and each code becomes a made-up one of the same length, by the
 * order in which they come; a time of day becomes half past ten, and what it is good until ten minutes later; a rate becomes 99 MiB/s; what takes time takes none; `places` become what stands beside them.
 */
export function asInEveryRun(
  places: readonly (readonly [string, string])[],
): (text: string) => string {
  const known = new Map<string, string>();
  function madeUp(value: string): string {
    // The short form of an id is its beginning.
    const key = value.slice(0, 9);
    const text = known.get(key) ?? symbolsOf(`made up ${known.size}`);
    known.set(key, text);
    return text.slice(0, value.length);
  }
  return (text) =>
    places
      .reduce((shown, [real, word]) => shown.replaceAll(real, word), text)
      .replaceAll(grouped, madeUp)
      .replaceAll(/\b\d\d:\d\d(:\d\d)?\b/g, (_, seconds?: string) =>
        seconds ? '10:30:00' : '10:30',
      )
      .replaceAll('good until 10:30', 'good until 10:40')
      .replaceAll(/\b[\d.]+ [KMG]?i?B\/s/g, '99 MiB/s')
      .replaceAll(/ in \d+ s$/g, '')
      .replaceAll(/ in \d+ s \(99 MiB\/s\)/g, '');
}

/** 13 groups of 4, the same for the same seed. */
function symbolsOf(seed: string): string {
  const bytes = createHash('sha512').update(seed).digest().subarray(0, 52);
  const text = Array.from(bytes, (byte) => symbols[byte % 32]).join('');
  return text.match(/.{4}/g)?.join('-') ?? '';
}
