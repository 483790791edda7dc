import { asSharingError, SharingError, writingTo } from '#sharing/errors.js';
import { sourceOf, type Source } from '#sharing/storage/source.js';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** What came over a pipe, in a file that nobody else sees: an offer has to say how long it is. */
export interface Spool extends AsyncDisposable {
  /** For one transfer; several may read it at once. */
  open(tagKey: Buffer): Promise<Source>;
}

export interface SpoolOptions {
  /** Where the file is made; it has no name any more while it is filled, where the system can do without. */
  readonly folder: string;
  /** Told how many bytes there are by now. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

const anew = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/**
 * Reads all of `input` into a private file. Throws SharingError `no-room`, `folder-unwritable` (both with the folder),
 * `read-failed`, or `cancelled` when the signal is aborted before.
 */
export async function openSpool(
  input: Readable,
  { folder, onBytes = () => undefined, signal }: SpoolOptions,
): Promise<Spool> {
  const place = join(folder, `lanpost-${randomBytes(8).toString('hex')}.spool`);
  const handle = await writingTo(folder, 'folder-unwritable', () => open(place, anew, 0o600));
  // A system that keeps the name while the file is open lets it go at the end.
  const isNameless = await unlink(place).then(
    () => true,
    () => false,
  );
  const close = async (): Promise<void> => {
    await handle.close();
    if (!isNameless) await unlink(place);
  };
  try {
    await fill(handle, input, folder, onBytes, signal);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async open(tagKey) {
      const source = sourceOf(handle, await handle.stat({ bigint: true }), tagKey);
      return { ...source, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    [Symbol.asyncDispose]: close,
  };
}

async function fill(
  handle: FileHandle,
  input: Readable,
  folder: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let bytes = 0;
  // Without an error: it is not the input that failed, and its owner must not think so.
  const stop = (): void => {
    input.destroy();
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    for await (const part of input as AsyncIterable<Buffer | string>) {
      const piece = typeof part === 'string' ? Buffer.from(part) : part;
      await writingTo(folder, 'folder-unwritable', () => handle.writeFile(piece));
      bytes += piece.length;
      onBytes(bytes);
    }
  } catch (error) {
    if (signal?.aborted === true) throw new SharingError('cancelled', 'interrupted');
    const { code, message, facts } = asSharingError(error, 'read-failed');
    throw new SharingError(code, message, { ...facts, spool: true }, error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
