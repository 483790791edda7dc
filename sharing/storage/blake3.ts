import { createRequire } from 'node:module';

type Blake3 = (bytes: Buffer) => Buffer;

const from = createRequire(import.meta.url);

/** What the package gives as text costs less than what it gives as bytes: those are memory of their own, each to be let go of. */
interface Package {
  readonly blake3UrlSafeBase64: (bytes: Buffer) => string;
}

/**
 * BLAKE3 in native code; undefined where it cannot be loaded. The package finds out which system this is by a report about
 * the whole process, which takes a start 5 ms: so the one for most systems is asked for by its own name first.
 */
export const blake3: Blake3 | undefined = load([
  `@napi-rs/blake-hash-${process.platform}-${process.arch}-gnu`,
  '@napi-rs/blake-hash',
]);

function load(names: readonly string[]): Blake3 | undefined {
  for (const name of names) {
    try {
      const { blake3UrlSafeBase64 } = from(name) as Package;
      return (bytes) => Buffer.from(blake3UrlSafeBase64(bytes), 'base64url');
    } catch {
      // It is for another system.
    }
  }
  return undefined;
}
