import { isAddress } from '#discovery/addresses.js';
import type { PortRange } from './packet.js';

/**
 * Whether something that may be any of several fits: true when all of them do, false when none does, null when it
 * depends on which one it is.
 */
export type Fit = boolean | null;

/** The fit of a range of ports into one of several ranges. */
export function portsFit([first, last]: PortRange, ranges: readonly PortRange[]): Fit {
  if (ranges.some(([from, to]) => from <= first && last <= to)) return true;
  return ranges.some(([from, to]) => from <= last && first <= to) ? null : false;
}

/** The fit of a network, as all addresses in it, into one of several; one of the other family is none of them. */
export function networkFits(network: string, ranges: readonly string[]): Fit {
  const own = bounds(network);
  const others = ranges.map(bounds);
  if (own === null || others.includes(null)) return null;
  const same = others.filter((one) => one !== null).filter(({ family }) => family === own.family);
  if (same.some(({ first, last }) => first <= own.first && own.last <= last)) return true;
  return same.some(({ first, last }) => first <= own.last && own.first <= last) ? null : false;
}

/** The fit of a name into one of several patterns, in which the last sign may stand for any ending. */
export function nameFits(name: string, patterns: readonly string[], wildcard: string): Fit {
  return patterns.some((pattern) =>
    pattern.endsWith(wildcard) ? name.startsWith(pattern.slice(0, -1)) : pattern === name,
  );
}

/** Not knowing whether something is so is not knowing whether it is not so. */
export function inverted(fit: Fit): Fit {
  return fit === null ? null : !fit;
}

interface Bounds {
  readonly family: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** First and last address as numbers; `10.0.0.0/8`, `10.0.0.1`, `10.0.0.1-10.0.0.9`, `fe80::/64`. */
function bounds(text: string): Bounds | null {
  const [from = '', to] = text.split('-');
  if (to !== undefined) return pair(from, to);
  const [address = '', mask] = from.split('/');
  const family = versionOf(address);
  const number = numberOf(address);
  if (number === null) return null;
  const bits = family === 4 ? 32 : 128;
  const prefix = mask === undefined ? bits : mask.includes('.') ? prefixOf(mask) : Number(mask);
  if (!(prefix >= 0 && prefix <= bits)) return null;
  const size = 1n << BigInt(bits - prefix);
  const first = (number / size) * size;
  return { family, first, last: first + size - 1n };
}

function pair(from: string, to: string): Bounds | null {
  const [first, last] = [numberOf(from), numberOf(to)];
  return first === null || last === null ? null : { family: versionOf(from), first, last };
}

/** 4 or 6; 0 when it is no address. */
function versionOf(address: string): number {
  if (!isAddress(address)) return 0;
  return address.includes(':') ? 6 : 4;
}

function numberOf(address: string): bigint | null {
  switch (versionOf(address)) {
    case 4:
      return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
    case 6:
      return hextets(address).reduce((sum, word) => (sum << 16n) + BigInt(word), 0n);
    default:
      return null;
  }
}

/** The eight words of an IPv6 address; `::` stands for as many zeros as are missing. */
function hextets(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const [before, after] = [head, tail ?? ''].map((part) =>
    part === '' ? [] : part.split(':').flatMap(wordsOf),
  ) as [number[], number[]];
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: Math.max(0, missing) }, () => 0), ...after];
}

function wordsOf(part: string): readonly number[] {
  if (!part.includes('.')) return [Number.parseInt(part, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function prefixOf(mask: string): number {
  return (numberOf(mask) ?? 0n).toString(2).replace(/0*$/, '').length;
}
