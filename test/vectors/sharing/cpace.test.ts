import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  confirmation,
  generator,
  shareOf,
  sharedKey,
  startCpace,
  type CpaceInput,
} from '#sharing/session/cpace.js';

/** Values of the draft's appendix (draft-irtf-cfrg-cpace-21, CPACE-RISTR255-SHA512). */
const vector = JSON.parse(readFileSync(join(import.meta.dirname, 'cpace.json'), 'utf8')) as Record<
  string,
  string
>;

const bytes = (key: string): Buffer => Buffer.from(vector[key] ?? '', 'hex');
const scalar = (key: string): bigint => BigInt(`0x${bytes(key).reverse().toString('hex')}`);

const input: CpaceInput = {
  password: bytes('PRS'),
  identity: bytes('CI'),
  session: bytes('sid'),
};
const initiator = { share: bytes('Ya'), data: bytes('ADa') };
const responder = { share: bytes('Yb'), data: bytes('ADb') };

describe("the draft's values", () => {
  test('generator', () => {
    expect(Buffer.from(generator(input).toBytes()).toString('hex')).toBe(vector['g']);
  });

  test('shares', () => {
    expect(shareOf(input, scalar('ya_little_endian')).share).toEqual(bytes('Ya'));
    expect(shareOf(input, scalar('yb_little_endian')).share).toEqual(bytes('Yb'));
  });

  test('the key, from both sides', () => {
    const transcript = { initiator, responder };
    const [a, b] = [scalar('ya_little_endian'), scalar('yb_little_endian')];
    expect(sharedKey(input, a, bytes('Yb'), transcript)).toEqual(bytes('ISK_ir'));
    expect(sharedKey(input, b, bytes('Ya'), transcript)).toEqual(bytes('ISK_ir'));
  });
});

test('another code, channel or identity gives another key, and no side is told', () => {
  const other = { ...input, password: Buffer.from('passwore') };
  const [a, b] = [startCpace(input), startCpace(other)];
  const transcript = {
    initiator: { share: a.share, data: initiator.data },
    responder: { share: b.share, data: responder.data },
  };
  const keyOfA = sharedKey(input, a.scalar, b.share, transcript);
  expect(sharedKey(other, b.scalar, a.share, transcript)).not.toEqual(keyOfA);
  expect(startCpace(input).share).not.toEqual(a.share);
});

test('the two confirmations differ, so that neither can be sent back', () => {
  const isk = bytes('ISK_ir');
  const [a, b] = [initiator, responder].map((party) => confirmation(isk, input.session, party));
  expect(a).toHaveLength(64);
  expect(a).not.toEqual(b);
});

test.each([
  ['the neutral element', '00'.repeat(32)],
  ['no canonical element', 'ff'.repeat(32)],
  ['a negative one', `01${'00'.repeat(31)}`],
  ['too short', '00'.repeat(31)],
  ['nothing', ''],
])('a share that is %s is refused', (_, hex) => {
  expect(() => sharedKey(input, 5n, Buffer.from(hex, 'hex'), { initiator, responder })).toThrow(
    expect.objectContaining({ code: 'protocol' }) as Error,
  );
});
