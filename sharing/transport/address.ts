import { isIPv6 as isWholeIPv6 } from 'node:net';

/** What has no colon is none: to find that out by the whole pattern takes the first time 4 ms. */
function isIPv6(text: string): boolean {
  return text.includes(':') && isWholeIPv6(text);
}

/** `address` without the prefix of an IPv4-mapped IPv6 address. */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * What counts as one address: an IPv4 address, or an IPv6 /64, which one household has whole. The link-local one is that
 * of everybody on the link, so there each address counts for itself.
 */
export function addressKey(address: string): string {
  const plain = unmapped(address);
  if (!isIPv6(plain) || /^fe[89ab]/i.test(plain)) return plain.toLowerCase();
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => parseInt(group, 16))
    .join(':');
}

/**
 * Where a server was reached, `host:port`, written one way however it was typed: in lower case, without a
 * final dot, IPv6 addresses in their short form and in brackets, IPv4-mapped ones as IPv4 (RFC 5952).
 */
export function placeOf(host: string, port: number): string {
  const name = unmapped(host.toLowerCase().replace(/\.$/, ''));
  const [address = '', zone] = name.split('%');
  if (!isIPv6(address)) return `${name}:${port}`;
  // The URL parser writes an address in its short form; what is mapped shows its last 32 bits as two groups.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped) return `${dotted(`${mapped[1] ?? ''}:${mapped[2] ?? ''}`)}:${port}`;
  return `[${short}${zone === undefined ? '' : `%${zone}`}]:${port}`;
}

/** The last two groups of an IPv4-mapped address as an IPv4 address. */
function dotted(groups: string): string {
  return groups
    .split(':')
    .map((group) => parseInt(group, 16))
    .flatMap((word) => [word >> 8, word & 0xff])
    .join('.');
}
