import { SharingError } from '#sharing/errors.js';
import type { Readable } from 'node:stream';
import { ProgramError } from '#src/failure.js';

const longest = 1000;

/**
 * What stands on standard input, when it is one short text; read once, whoever asks. Rejects with ProgramError `usage` when it
 * is too long, and SharingError `cancelled` when the signal is aborted before its end.
 */
export function shortInput(input: Readable, signal: AbortSignal): () => Promise<string> {
  let text: Promise<string> | undefined;
  return () => (text ??= readAll(input, signal));
}

async function readAll(input: Readable, signal: AbortSignal): Promise<string> {
  let text = '';
  // Without an error: it is not the input that failed, and its owner must not think so.
  const stop = (): void => {
    input.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const part of input as AsyncIterable<unknown>) {
      text += String(part);
      if (text.length > longest) throw new ProgramError('usage', 'too much on standard input');
    }
  } catch (error) {
    throw signal.aborted ? new SharingError('cancelled', 'interrupted') : error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return text;
}
