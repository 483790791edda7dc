import { SharingError } from '#sharing/errors.js';
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { createHash, createHmac, randomBytes } from 'node:crypto';

/**
 * CPace, a balanced PAKE: two sides that know the same short code end with the same key, and who does not
 * know it can try one guess for each run. draft-irtf-cfrg-cpace-21, suite CPACE-RISTR255-SHA512, initiator and
 * responder. Pure arithmetic; the draft's vectors are in test/vectors.
 */

const domain = Buffer.from('CPaceRistretto255');
const hashBlock = 128;

const { Point } = ristretto255;
type Element = InstanceType<typeof Point>;

/** What both sides put in: the code, who they are to each other, and which channel this is. */
export interface CpaceInput {
  /** PRS: the code, normalised. */
  readonly password: Buffer;
  /** CI: what the run is bound to besides. */
  readonly identity: Buffer;
  /** sid: differs for each channel. */
  readonly session: Buffer;
}

/** One side's first step: keep the scalar, send the share. */
export interface CpaceStart {
  readonly scalar: bigint;
  readonly share: Buffer;
}

/** Begins a run. `random` is 64 bytes; tests give their own. */
export function startCpace(input: CpaceInput, random: Buffer = randomBytes(64)): CpaceStart {
  return shareOf(input, scalarFrom(random));
}

/** The share of a given scalar, which has to be fresh and secret. */
export function shareOf(input: CpaceInput, scalar: bigint): CpaceStart {
  return { scalar, share: Buffer.from(generator(input).multiply(scalar).toBytes()) };
}

/** What one side said: its share, and data that the key is bound to besides (ADa, ADb). */
export interface Party {
  readonly share: Buffer;
  readonly data: Buffer;
}

/** Both sides in the order of their roles. */
export interface Transcript {
  readonly initiator: Party;
  readonly responder: Party;
}

/**
 * The shared key (ISK, 64 bytes) from our scalar and the other side's share. Throws SharingError
 * `protocol` for a share that is no element, or the neutral one.
 */
export function sharedKey(
  { session }: CpaceInput,
  scalar: bigint,
  theirs: Buffer,
  { initiator, responder }: Transcript,
): Buffer {
  const product = elementOf(theirs).multiply(scalar);
  if (product.is0()) throw new SharingError('protocol', 'a share without a key');
  const key = Buffer.from(product.toBytes());
  const label = Buffer.concat([domain, Buffer.from('_ISK')]);
  return sha512(lengthPrefixed(label, session, key), partText(initiator), partText(responder));
}

/**
 * What a side sends to prove that it has the key: an HMAC over its own share, under a key of its own derived from
 * the shared one (draft section 9.4).
 */
export function confirmation(isk: Buffer, session: Buffer, { share, data }: Party): Buffer {
  const key = sha512(Buffer.from('CPaceMac'), session, isk);
  return createHmac('sha512', key).update(lengthPrefixed(share, data)).digest();
}

/** The generator that only those share who put in the same (draft section 7.1). */
export function generator(input: CpaceInput): Element {
  const element = ristretto255_hasher.deriveToCurve?.(sha512(generatorString(input)));
  if (!element) throw new SharingError('internal', 'no map to the curve');
  return element;
}

function generatorString({ password, identity, session }: CpaceInput): Buffer {
  // Padding makes the first block of the hash hold the password alone.
  const used = lengthPrefixed(password).length + lengthPrefixed(domain).length + 1;
  const padding = Buffer.alloc(Math.max(0, hashBlock - used));
  return lengthPrefixed(domain, password, padding, identity, session);
}

/** Each part behind its length as LEB128 (draft, `lv_cat`). */
export function lengthPrefixed(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [leb128(part.length), part]));
}

function leb128(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left & 127) | 128);
    left >>>= 7;
  }
  return Buffer.from([...bytes, left]);
}

function partText({ share, data }: Party): Buffer {
  return lengthPrefixed(share, data);
}

function elementOf(share: Buffer): Element {
  try {
    return Point.fromBytes(share);
  } catch (error) {
    throw new SharingError('protocol', 'a share that is no element', {}, error);
  }
}

/** 64 random bytes, little-endian, reduced: no bias, and zero is as good as impossible. */
function scalarFrom(random: Buffer): bigint {
  const value = BigInt(`0x${Buffer.from(random).reverse().toString('hex')}`);
  const scalar = value % Point.Fn.ORDER;
  if (scalar === 0n) throw new SharingError('internal', 'no randomness');
  return scalar;
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
