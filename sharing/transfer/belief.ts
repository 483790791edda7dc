import { SharingError } from '#sharing/errors.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import { isSafeName } from '#sharing/storage/path.js';
import type { Policy } from '#sharing/wire/message.js';

/** A file as its sender knows it. */
export interface SentFile {
  readonly size: number;
  /** `<algorithm>:<hex>`; undefined when neither the file nor its digest was sent. */
  readonly digest: string | undefined;
  /** The receiver may leave it alone. */
  readonly maySkip: boolean;
}

/** What a receiver says of a file counts only if it is so: that of what was sent, under a name that can be one. */
export function believed(
  { size, digest, maySkip: mayBeSkipped }: SentFile,
  outcome: SendOutcome,
): SendOutcome {
  if (outcome.kind === 'failed') return outcome;
  if (!isSafeName(outcome.as)) return doubted();
  if (outcome.kind === 'skipped') return mayBeSkipped ? outcome : skippedWrongly();
  const sameSize = !('size' in outcome) || outcome.size === size;
  return outcome.digest === digest && sameSize ? outcome : doubted();
}

/** Whether a file that is put under this policy may be left alone. */
export function maySkip(policy: Policy | undefined): boolean {
  return policy === 'skip' || policy === 'update';
}

function doubted(): SendOutcome {
  return { kind: 'failed', error: notBelieved() };
}

export function notBelieved(): SharingError {
  return new SharingError('damaged', 'the receiver confirms something else than was sent');
}

function skippedWrongly(): SendOutcome {
  const words = 'the receiver skipped what it was not to skip';
  return { kind: 'failed', error: new SharingError('protocol', words) };
}
