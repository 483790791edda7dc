import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { base32, deviceId, grouped, isId, parseSymbols, shortId } from '#sharing/id.js';

test.each([
  ['', ''],
  ['00', '00'],
  ['ff', 'ZW'],
  ['f800', 'Z000'],
])('%s in base32', (hex, text) => {
  expect(base32(Buffer.from(hex, 'hex'))).toBe(text);
});

test('an id names the key: 52 symbols, the same for the same key', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = deviceId(publicKey);
  expect(id).toHaveLength(52);
  expect(isId(id)).toBe(true);
  expect(deviceId(publicKey)).toBe(id);
  expect(deviceId(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)).not.toBe(id);
  expect(grouped(id).split('-')).toHaveLength(13);
  expect(shortId(id)).toBe(grouped(id).slice(0, 19));
});

test('symbols are read as people type them', () => {
  expect(parseSymbols('k7qf-3m2x')).toBe('K7QF3M2X');
  expect(parseSymbols(' oO iI lL ')).toBe('001111');
  expect(parseSymbols('U')).toBeUndefined();
  expect(parseSymbols('é')).toBeUndefined();
});
