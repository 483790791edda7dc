import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import { SharingError } from '#sharing/errors.js';
import { blake3 } from '#sharing/storage/blake3.js';
import { createHash } from 'node:crypto';

export type DigestAlgorithm = 'blake3' | 'sha256';

/** Digest algorithms that we have, in the order in which we like them (PROTOCOL.md, "Digests"). */
export const digestAlgorithms: readonly DigestAlgorithm[] = blake3
  ? ['blake3', 'sha256']
  : ['sha256'];

/** The first of our algorithms that the peer offers too, or undefined. */
export function agreeOnDigest(offered: readonly string[]): DigestAlgorithm | undefined {
  return digestAlgorithms.find((algorithm) => offered.includes(algorithm));
}

/** The digest of bytes that are in memory: a chunk, or a list of digests. */
export function digestOf(algorithm: DigestAlgorithm, bytes: Buffer): Buffer {
  if (algorithm === 'sha256') return createHash('sha256').update(bytes).digest();
  if (blake3) return blake3(bytes);
  throw new SharingError('internal', 'a digest that was never agreed on');
}

/** How many chunks a file of `size` bytes has; an empty file has none. */
export function chunkCount(size: number): number {
  return Math.ceil(size / chunkSize);
}

/** Bytes of chunk `chunk` in a file of `size` bytes. */
export function chunkLength(size: number, chunk: number): number {
  return Math.min(chunkSize, size - chunk * chunkSize);
}

/**
 * The digest of a whole file from its size and its chunk digests in order. One chunk: that digest.
 * Several: the digest of the size (8 bytes, big-endian) and all chunk digests, so that no small file
 * can have the digest of a large one.
 */
export function fileDigest(algorithm: DigestAlgorithm, size: number, digests: Buffer): Buffer {
  if (digests.length === 0) return digestOf(algorithm, Buffer.alloc(0));
  if (digests.length === digestLength) return Buffer.from(digests);
  const sized = Buffer.allocUnsafe(8 + digests.length);
  sized.writeBigUInt64BE(BigInt(size), 0);
  digests.copy(sized, 8);
  return digestOf(algorithm, sized);
}

/** The text form, `<algorithm>:<hex>`. */
export function digestText(algorithm: DigestAlgorithm, digest: Buffer): string {
  return `${algorithm}:${digest.toString('hex')}`;
}
