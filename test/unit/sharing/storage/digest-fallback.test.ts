import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { agreeOnDigest, digestAlgorithms, digestOf } from '#sharing/storage/digest.js';

vi.mock('#sharing/storage/blake3.js', () => ({ blake3: undefined }));

const bytes = Buffer.from('abc');

test('without BLAKE3 there is one digest, and it is agreed on with who has both', () => {
  expect(digestAlgorithms).toEqual(['sha256']);
  expect(agreeOnDigest(['blake3', 'sha256'])).toBe('sha256');
  expect(agreeOnDigest(['blake3'])).toBeUndefined();
  expect(digestOf('sha256', bytes)).toEqual(createHash('sha256').update(bytes).digest());
});

test('what was never agreed on is a fault, and no wrong digest', () => {
  expect(() => digestOf('blake3', bytes)).toThrow('never agreed on');
});
