import { SharingError } from '#sharing/errors.js';
import type { SmallOutcome } from '#sharing/session/batch-sending.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import { digestOf, digestText, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { isSafeName } from '#sharing/storage/path.js';

/** A small file as its sender knows it. */
export interface SentFile {
  readonly path: string;
  readonly size: number;
  /** Missing when neither it nor its digest was sent. */
  readonly digest: Buffer | undefined;
}

/** What a receiver says of a small file counts only if it is so: that of what was sent, under a name that can be one. */
export function believed(
  { path, size, digest: sent }: SentFile,
  outcome: SmallOutcome,
  { algorithm, maySkip }: { readonly algorithm: DigestAlgorithm; readonly maySkip: boolean },
): SendOutcome {
  if (outcome.kind === 'failed') return outcome;
  const as = outcome.as ?? path.slice(path.lastIndexOf('/') + 1);
  if (!isSafeName(as)) return { kind: 'failed', error: notBelieved() };
  if (outcome.kind === 'skipped') return maySkip ? { ...outcome, as } : skippedWrongly();
  const ours = sent ?? (size === 0 ? digestOf(algorithm, Buffer.alloc(0)) : undefined);
  const digest = ours && digestText(algorithm, ours);
  if (digest === undefined || ('digest' in outcome && outcome.digest !== digest)) {
    return { kind: 'failed', error: notBelieved() };
  }
  return outcome.kind === 'identical'
    ? { kind: 'identical', as, digest }
    : { kind: 'stored', as, size, digest };
}

export function notBelieved(): SharingError {
  return new SharingError('damaged', 'the receiver confirms something else than was sent');
}

function skippedWrongly(): SendOutcome {
  const words = 'the receiver skipped what it was not to skip';
  return { kind: 'failed', error: new SharingError('damaged', words) };
}
