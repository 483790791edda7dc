import { isIPv6 } from 'node:net';
import { isLinkLocal } from './addresses.js';

/**
 * Whose budget an address draws on, as the system writes addresses: an IPv4 address and a link-local one have their own,
 * all others of IPv6 share one in their /64, of which one machine can use every address. The /64 of link-local addresses
 * is everybody on the link. Source: PROTOCOL.md, Responder.
 */
export function sourceOf(address: string): string {
  if (!isIPv6(address) || isLinkLocal(address)) return address;
  const [head = '', tail = ''] = address.replace(/%.*$/s, '').split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
