import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { base32, deviceId } from '#sharing/id.js';
import { parseCode } from '#sharing/session/code.js';
import {
  confirmation,
  generator,
  sharedKey,
  shareOf,
  type CpaceInput,
} from '#sharing/session/cpace.js';
import { pairAsServer } from '#sharing/session/pairing.js';
import { digestOf, digestText, fileDigest } from '#sharing/storage/digest.js';
import { safePath } from '#sharing/storage/path.js';
import { chunkSize } from '#sharing/wire/frame.js';

function read<T>(name: string): T[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8')) as T[];
}

type Id = Readonly<Record<'what' | 'id', string>> & { sha256?: string; certificate?: string };

test.each(read<Id>('ids'))('an id: $what', ({ id, sha256 = '', certificate }) => {
  if (certificate === undefined) expect(base32(Buffer.from(sha256, 'hex'))).toBe(id);
  else expect(deviceId(new X509Certificate(Buffer.from(certificate, 'hex')).publicKey)).toBe(id);
});

test.each(read<{ what: string; typed: string; code: string | null }>('codes'))(
  'a code: $what',
  ({ typed, code }) => {
    expect(parseCode(typed) ?? null).toBe(code);
  },
);

interface PathVector {
  readonly what: string;
  readonly path: string;
  readonly refused: string | null;
  readonly windows?: string;
}

test.each(read<PathVector>('paths'))('a path: $what', ({ path, refused, windows }) => {
  const code = process.platform === 'win32' ? (windows ?? refused) : refused;
  if (code === null) expect(safePath(path).join('/')).toBe(path);
  else expect(() => safePath(path)).toThrow(expect.objectContaining({ code }) as Error);
});

interface DigestVector {
  readonly algorithm: 'blake3' | 'sha256';
  /** The bytes are 0, 1, ... 250, 0, 1, ... */
  readonly size: number;
  readonly digest: string;
}

test.each(read<DigestVector>('digests'))('$algorithm of $size bytes', (vector) => {
  const { algorithm, size, digest } = vector;
  const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, at) => at % 251));
  const chunks: Buffer[] = [];
  for (let at = 0; at < size; at += chunkSize) {
    chunks.push(digestOf(algorithm, bytes.subarray(at, at + chunkSize)));
  }
  const whole = fileDigest(algorithm, size, Buffer.concat(chunks));
  expect(digestText(algorithm, whole)).toBe(digest);
  if (algorithm === 'sha256' && size <= chunkSize) {
    expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  }
});

describe('a run of pairing', () => {
  const [vector = {}] = read<Record<string, string>>('pairing');
  const text = (key: string): string => vector[key] ?? '';
  const bytes = (key: string): Buffer => Buffer.from(text(key), 'hex');
  const scalar = (key: string): bigint => BigInt(`0x${bytes(key).reverse().toString('hex')}`);
  const input: CpaceInput = {
    password: Buffer.from(text('code')),
    identity: bytes('CI'),
    session: bytes('exporter'),
  };
  const client = { share: bytes('Ya'), data: Buffer.from(text('client')) };
  const server = { share: bytes('Yb'), data: Buffer.from(text('server')) };

  test('gives these values', () => {
    const key = sharedKey(input, scalar('ya'), server.share, {
      initiator: client,
      responder: server,
    });
    const hex = (one: Uint8Array): string => Buffer.from(one).toString('hex');
    expect({
      generator: hex(generator(input).toBytes()),
      Ya: hex(shareOf(input, scalar('ya')).share),
      Yb: hex(shareOf(input, scalar('yb')).share),
      ISK: hex(key),
      Ta: hex(confirmation(key, input.session, client)),
      Tb: hex(confirmation(key, input.session, server)),
    }).toEqual(
      Object.fromEntries(
        ['generator', 'Ya', 'Yb', 'ISK', 'Ta', 'Tb'].map((key) => [key, text(key)]),
      ),
    );
  });

  test('is bound to the code, the channel and both ids as CI says', () => {
    const channel = {
      exporter: input.session,
      clientId: text('client'),
      serverId: text('server'),
    };
    const run = pairAsServer(text('code'), channel, client.share);
    const other = { ...server, share: run.share };
    const key = sharedKey(input, scalar('ya'), run.share, { initiator: client, responder: other });
    const proof = run.judge(confirmation(key, input.session, client));
    expect(proof).toEqual(confirmation(key, input.session, other));
  });
});
