import type { ErrorCode, SharingError } from '#sharing/errors.js';

/**
 * The codes that may stand in a message to a peer (PROTOCOL.md, "Refusals"). What is only this
 * machine's business (its state folder, its ports) never leaves it.
 */
export const wireCodes = [
  'version-mismatch',
  'not-known',
  'own-key-elsewhere',
  'no-right',
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
  'no-room',
  'file-too-large',
  'too-many-clients',
  'too-many-transfers',
  'list-too-long',
  'cancelled',
  'unsupported',
  'protocol',
  'peer-silent',
  'shutting-down',
  'internal',
] as const satisfies readonly ErrorCode[];

/** Longest explanation in a message, in UTF-16 code units. */
const maxWords = 200;

export type WireCode = (typeof wireCodes)[number];

const known: ReadonlySet<string> = new Set(wireCodes);

/** What a peer is told of one of our failures; what is not its business is `internal`, without words. */
export function refusalOf({ code, message }: SharingError): {
  readonly code: WireCode;
  readonly message: string;
} {
  if (!isWireCode(code) || code === 'internal') return { code: 'internal', message: '' };
  return { code, message: message.slice(0, maxWords) };
}

/** What a peer's code means here; a code of a later version is `internal`. */
export function fromWireCode(code: string): WireCode {
  return isWireCode(code) ? code : 'internal';
}

function isWireCode(code: string): code is WireCode {
  return known.has(code);
}
