/** An IPv4 address as a number; the text must be one. */
function ipv4Bits(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

export function ipv4Text(bits: number): string {
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/** The first address of the network that an address is in, as a number; prefix 1 to 32. */
export function firstBits(address: string, prefix: number): number {
  return (ipv4Bits(address) & (-1 << (32 - prefix))) >>> 0;
}

/** The last address of that network, as a number. */
export function lastBits(address: string, prefix: number): number {
  return (ipv4Bits(address) | (2 ** (32 - prefix) - 1)) >>> 0;
}

/** The prefix of what is written `10.0.0.1/24`, 1 to 32; null for anything else, and for 0, the whole world. */
export function prefixOf(cidr: string | null): number | null {
  const [, text = ''] = cidr?.split('/') ?? [];
  const prefix = Number(text);
  return prefix >= 1 && prefix <= 32 ? prefix : null;
}
