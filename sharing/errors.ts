/**
 * Every way in which sharing can fail, as a closed union. The words for people (sentence, hint, exit
 * code) are not here: the program keeps them in one table that the compiler proves complete.
 */
export const errorCodes = [
  // Nobody reached
  'name-unresolved',
  'unreachable',
  'connection-refused',
  'connect-timeout',
  'connection-lost',
  'peer-silent',
  'not-lanpost',
  'version-mismatch',
  // Not let in
  'not-known',
  'code-needed',
  'wrong-code',
  'locked-out',
  'unknown-server',
  'own-key-elsewhere',
  'key-changed',
  'unverified',
  'no-right',
  // One file
  'not-found',
  'is-folder',
  'not-a-folder',
  'not-a-file',
  'no-permission',
  'name-refused',
  'name-too-long',
  'changed',
  'stalled',
  'read-failed',
  'write-failed',
  'damaged',
  'folder-gone',
  // Room and limits
  'no-room',
  'file-too-large',
  'over-quota',
  'too-many-clients',
  'too-many-transfers',
  'list-too-long',
  // The session
  'cancelled',
  'unsupported',
  'protocol',
  'shutting-down',
  'internal',
  // This machine
  'folder-missing',
  'folder-unwritable',
  'folder-overlaps-state',
  'landing-not-private',
  'state-missing',
  'state-unwritable',
  'state-not-private',
  'state-damaged',
  'state-busy',
  'unknown-peer',
  'name-taken',
  'port-taken',
  'port-refused',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Facts that the sentence for a person may need; never a secret, never a whole foreign object. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean>>;

/** The one error that sharing throws on purpose; anything else is a fault of ours. */
export class SharingError extends Error {
  override readonly name = 'SharingError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }
}

/**
 * Turns whatever was thrown into a SharingError; the foreign error becomes the cause. A system error
 * keeps only its name: its text holds paths that are nobody else's business.
 */
export function asSharingError(error: unknown, fallback: ErrorCode = 'internal'): SharingError {
  if (error instanceof SharingError) return error;
  const errno = errnoOf(error);
  const message = errno ?? (error instanceof Error ? error.message : String(error));
  return new SharingError(systemCode(errno) ?? fallback, message, {}, error);
}

/** What failed while a file of a peer was written: no room, or this disk; never that something was not found. */
export function writeError(error: unknown): SharingError {
  const known = asSharingError(error);
  if (error instanceof SharingError || known.code === 'no-room') return known;
  return new SharingError('write-failed', known.message, {}, error);
}

/**
 * Does what makes or changes `place` on this machine. A system error of it becomes `code`, or `no-room`; the
 * place is a fact and not in the message, because a message may go to a peer.
 */
export async function writingTo<T>(
  place: string,
  code: 'folder-unwritable' | 'state-unwritable',
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const errno = errnoOf(error);
    if (error instanceof SharingError || !isSystemError(errno)) throw error;
    const known = systemCode(errno) === 'no-room' ? 'no-room' : code;
    throw new SharingError(known, errno, { path: place, why: errno }, error);
  }
}

/** Does what reads a share: a system error that says nothing better becomes `read-failed`. */
export async function readingFrom<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isSystemError(errnoOf(error)) ? asSharingError(error, 'read-failed') : error;
  }
}

/** Node's own errors have codes too, ERR_INVALID_ARG_TYPE and the like; those are faults of ours. */
function isSystemError(code: string | undefined): code is string {
  return code !== undefined && !code.startsWith('ERR_');
}

/** The `code` of a Node system error, such as ENOSPC, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function systemCode(errno: string | undefined): ErrorCode | undefined {
  switch (errno) {
    case 'ENOENT':
      return 'not-found';
    case 'EACCES':
    case 'EPERM':
      return 'no-permission';
    case 'EISDIR':
      return 'is-folder';
    case 'ENOTDIR':
      return 'not-a-folder';
    case 'ELOOP':
      return 'not-a-file';
    case 'ENAMETOOLONG':
      return 'name-too-long';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'no-room';
    default:
      return undefined;
  }
}

/** What failed is on this machine, and is told so. */
export function localError(error: SharingError, cause: unknown = error): SharingError {
  const code = error.code === 'folder-missing' ? 'not-found' : error.code;
  return new SharingError(code, error.message, { ...error.facts, local: true }, cause);
}
