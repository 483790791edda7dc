import { SharingError, type ErrorCode, type ErrorFacts } from '#sharing/errors.js';

/**
 * The codes that may stand in a message to a peer (PROTOCOL.md, "Refusals"). What is only this
 * machine's business (its state folder, its ports) never leaves it.
 */
const wireCodes = [
  'version-mismatch',
  'not-known',
  'wrong-code',
  'locked-out',
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
  'folder-gone',
  'no-room',
  'file-too-large',
  'over-quota',
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

/** What a refusal says on the wire. */
export interface Refusal {
  readonly code: WireCode;
  readonly message: string;
  /** Bytes. */
  readonly facts?: { size?: number; free?: number; limit?: number };
}

/** What a peer is told of one of our failures; what is not its business is `internal`, without words. */
export function refusalOf({ code, message, facts }: SharingError): Refusal {
  if (!isWireCode(code) || code === 'internal') return { code: 'internal', message: '' };
  // Where the folder lies on this machine is nobody else's business.
  const words = code === 'folder-gone' ? '' : message.slice(0, maxWords);
  const told = { code, message: words };
  const numbers = ['size', 'free', 'limit'].filter((key) => typeof facts[key] === 'number');
  if (numbers.length === 0) return told;
  return { ...told, facts: Object.fromEntries(numbers.map((key) => [key, facts[key]])) };
}

/** A peer's refusal as an error of ours; its words are foreign text. */
export function refusedBy(refusal: {
  readonly code: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, number | undefined>> | undefined;
}): SharingError {
  const known = Object.entries(refusal.facts ?? {}).filter(([, value]) => value !== undefined);
  const facts = Object.fromEntries(known) as ErrorFacts;
  return new SharingError(fromWireCode(refusal.code), refusal.message, facts);
}

/** What a peer's code means here; a code of a later version is `internal`. */
function fromWireCode(code: string): WireCode {
  return isWireCode(code) ? code : 'internal';
}

function isWireCode(code: string): code is WireCode {
  return known.has(code);
}
