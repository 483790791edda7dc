import { createHash, type KeyObject } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Symbols of a device id. */
export const idLength = 52;
/** Symbols of its short form. */
export const shortIdLength = 16;

/**
 * A device's id: the SHA-256 of its public key (SPKI, DER) in Crockford base32, 52 symbols without
 * separators. It is the key that is named, not the certificate, which may be made anew.
 */
export function deviceId(publicKey: KeyObject): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return base32(createHash('sha256').update(spki).digest());
}

/** The first 16 symbols, in groups of four: enough to tell devices apart on a screen. */
export function shortId(id: string): string {
  return grouped(id.slice(0, shortIdLength));
}

/** An id in groups of four, as people read it aloud. */
export function grouped(id: string): string {
  return id.match(/.{1,4}/g)?.join('-') ?? id;
}

/**
 * The symbols that somebody typed or pasted, without blanks and dashes, with O read as 0 and I and L as
 * 1; undefined when anything else is in it.
 */
export function parseSymbols(text: string): string | undefined {
  const symbols = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]*$/.test(symbols) ? symbols : undefined;
}

/** True for the canonical text of an id. */
export function isId(text: string): boolean {
  return text.length === idLength && parseSymbols(text) === text;
}

/** True when somebody typed this id, whole or in its short form. */
export function isIdOf(id: string, typed: string): boolean {
  const symbols = parseSymbols(typed);
  return symbols === id || symbols === id.slice(0, shortIdLength);
}

/** Crockford base32, most significant bits first, padded with zero bits. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet.charAt((value << (5 - bits)) & 31) : text;
}
