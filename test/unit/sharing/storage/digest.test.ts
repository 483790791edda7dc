import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  agreeOnDigest,
  chunkCount,
  chunkLength,
  digestOf,
  digestText,
  fileDigest,
} from '#sharing/storage/digest.js';
import { chunkSize } from '#sharing/wire/frame.js';

test('BLAKE3 and SHA-256 give what their inventors published for "abc"', () => {
  const abc = Buffer.from('abc');
  expect(digestText('blake3', digestOf('blake3', abc))).toBe(
    'blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
  );
  expect(digestText('sha256', digestOf('sha256', abc))).toBe(
    'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test.each([
  [0, 0],
  [1, 1],
  [chunkSize, 1],
  [chunkSize + 1, 2],
  [2 ** 40, 2 ** 20],
])('a file of %i bytes has %i chunks', (size, chunks) => {
  expect(chunkCount(size)).toBe(chunks);
  if (chunks > 0) expect((chunks - 1) * chunkSize + chunkLength(size, chunks - 1)).toBe(size);
});

test('the digest of a file: none, one, several chunks', () => {
  const one = digestOf('sha256', Buffer.from('x'));
  expect(fileDigest('sha256', 0, Buffer.alloc(0))).toEqual(createHash('sha256').digest());
  expect(fileDigest('sha256', 1, one)).toEqual(one);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(chunkSize + 1));
  const expected = createHash('sha256').update(size).update(one).update(one).digest();
  expect(fileDigest('sha256', chunkSize + 1, Buffer.concat([one, one]))).toEqual(expected);
});

test('a small file that holds the digests of a large one does not have its digest', () => {
  const digests = Buffer.alloc(64, 7);
  const large = fileDigest('blake3', 2 * chunkSize, digests);
  expect(fileDigest('blake3', 64, digestOf('blake3', digests))).not.toEqual(large);
});

test('both sides agree on our favourite that the other has', () => {
  expect(agreeOnDigest(['sha256', 'blake3'])).toBe('blake3');
  expect(agreeOnDigest(['md5', 'sha256'])).toBe('sha256');
  expect(agreeOnDigest(['md5'])).toBeUndefined();
});
