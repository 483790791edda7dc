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

/** The fit of an IPv4 network, as all addresses in it, into one of several. */
export function networkFits(network: string, ranges: readonly string[]): Fit {
  const own = bounds(network);
  const others = ranges.map(bounds);
  if (own === null || others.includes(null)) return null;
  return portsFit(
    own,
    others.filter((one) => one !== null),
  );
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

/** First and last address as numbers; `10.0.0.0/8`, `10.0.0.1` and `10.0.0.1-10.0.0.9`. */
function bounds(text: string): PortRange | null {
  const [from = '', to] = text.split('-');
  if (to !== undefined) return pair(numberOf(from), numberOf(to));
  const [address = '', mask = '32'] = from.split('/');
  const prefix = mask.includes('.') ? prefixOf(mask) : Number(mask);
  const number = numberOf(address);
  if (number === null || !(prefix >= 0 && prefix <= 32)) return null;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(number / size) * size;
  return [first, first + size - 1];
}

function pair(first: number | null, last: number | null): PortRange | null {
  return first === null || last === null ? null : [first, last];
}

function numberOf(address: string): number | null {
  const octets = /^\d{1,3}(\.\d{1,3}){3}$/.test(address) ? address.split('.').map(Number) : [];
  if (octets.length === 0 || octets.some((octet) => octet > 255)) return null;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

function prefixOf(mask: string): number {
  return (numberOf(mask) ?? 0).toString(2).replace(/0*$/, '').length;
}
