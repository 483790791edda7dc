import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { base32, deviceId, grouped, isId, isIdOf, parseSymbols, shortId } from '#sharing/id.js';

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

test('an id is meant by all of it, or by its short form', () => {
  const id = `${'ABCD'.repeat(12)}AAA0`;
  for (const typed of [id, grouped(id).toLowerCase(), shortId(id)])
    expect(isIdOf(id, typed)).toBe(true);
  for (const typed of ['', 'ABCD', id.slice(0, 17), `B${id.slice(1)}`, 'U']) {
    expect(isIdOf(id, typed)).toBe(false);
  }
});

test('symbols are read as people type them', () => {
  expect(parseSymbols('k7qf-3m2x')).toBe('K7QF3M2X');
  expect(parseSymbols(' oO iI lL ')).toBe('001111');
  expect(parseSymbols('U')).toBeUndefined();
  expect(parseSymbols('é')).toBeUndefined();
});
