import { SharingError } from '#sharing/errors.js';
import { encodeMessage } from '#sharing/wire/frame.js';
import { z } from 'zod';

/** The protocol's major version; both sides must speak the same. */
export const protocolVersion = 1;
/** Longest path in a message, in characters. */
export const maxPathLength = 4096;
/** Most rows in one page of a list, an offer or a want. */
export const maxRows = 500;

/** Most ranges in one want. */
export const maxRanges = 1000;

/** What becomes of a file whose name is taken; without a word it is numbered. */
export const policies = ['number', 'overwrite', 'skip', 'update'] as const;
export type Policy = (typeof policies)[number];

const u32 = z.int().min(0).max(0xffff_ffff);
const size = z.int().min(0);
/** Microseconds since 1970, so that a JSON number holds it exactly. */
const time = z.int();
const word = z.string().min(1).max(32);
const text = z.string().max(512);
/** Numbers that make a refusal useful, in bytes. */
const facts = z.object({ size, free: size, limit: size }).partial().optional();
const path = z.string().max(maxPathLength);
const digestText = z.string().regex(/^[a-z0-9]{1,16}:[0-9a-f]{64}$/);
const tag = z.string().regex(/^[0-9a-f]{32}$/);
const name = z.string().min(1).max(256);

/** Exactly `length` bytes. */
function hex(length: number): z.ZodString {
  return z.string().regex(new RegExp(`^[0-9a-f]{${length * 2}}$`));
}

const entryType = z.enum(['file', 'folder']);
const entryRow = z.tuple([name, entryType, size, time]);
const offerRow = z.tuple([path, size, time, tag]);
const range = z.tuple([u32, u32]);

const want = z.discriminatedUnion('want', [
  z.object({ want: z.literal('all'), file: u32 }),
  z.object({ want: z.literal('ranges'), file: u32, ranges: z.array(range).max(maxRanges) }),
  z.object({ want: z.literal('digests'), file: u32 }),
  z.object({
    want: z.literal('nothing'),
    file: u32,
    reason: z.enum(['identical', 'skipped']),
    as: name,
    /** Of what is the same; of what is skipped nobody has looked at it. */
    digest: digestText.optional(),
  }),
  z.object({ want: z.literal('refused'), file: u32, code: word, message: text, facts }),
]);

const right = z.enum(['read', 'write', 'replace']);

/** Every control message of version 1 (PROTOCOL.md, "Messages"). Unknown keys are dropped. */
const messageSchema = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('hello'),
    v: z.int().min(1).max(1000),
    features: z.array(word).max(32),
    digests: z.array(word).min(1).max(8),
    purpose: z.enum(['control', 'lane']),
    name,
    /** The client has a code, and wants to become known though an open door would let it in. */
    pair: z.boolean().optional(),
  }),
  z.object({
    t: z.literal('welcome'),
    v: z.literal(protocolVersion),
    features: z.array(word).max(32),
    digest: word,
    as: z.enum(['owner', 'peer', 'open']),
    rights: z.array(right).max(3),
    name,
  }),
  z.object({ t: z.literal('denied'), code: word, message: text, facts }),
  z.object({ t: z.literal('pair'), name }),
  z.object({ t: z.literal('share'), share: hex(32) }),
  z.object({ t: z.literal('proof'), proof: hex(64) }),
  z.object({ t: z.literal('new-code'), id: u32, uses: z.int().min(1).max(100) }),
  z.object({ t: z.literal('code'), id: u32, code: word, expires: time }),
  z.object({ t: z.literal('shutdown'), id: u32 }),
  z.object({ t: z.literal('list'), id: u32, path }),
  z.object({
    t: z.literal('entries'),
    id: u32,
    rows: z.array(entryRow).max(maxRows),
    more: z.boolean(),
  }),
  z.object({ t: z.literal('get'), id: u32, path }),
  z.object({
    t: z.literal('offer'),
    id: u32,
    files: z.array(offerRow).min(1).max(maxRows),
    more: z.boolean(),
    /** A plain name instead of the receiver's prefix and the sender's name. */
    as: name.optional(),
    policy: z.enum(policies).optional(),
  }),
  z.object({
    t: z.literal('want'),
    id: u32,
    files: z.array(want).min(1).max(maxRows),
    more: z.boolean(),
  }),
  z.object({ t: z.literal('got'), id: u32, file: u32, chunk: u32 }),
  z.object({ t: z.literal('end'), id: u32, file: u32 }),
  z.object({ t: z.literal('receipt'), id: u32, file: u32, as: name, size, digest: digestText }),
  z.object({ t: z.literal('fail'), id: u32, file: u32, code: word, message: text, facts }),
  z.object({ t: z.literal('error'), id: u32.optional(), code: word, message: text, facts }),
  z.object({ t: z.literal('ping'), n: u32 }),
  z.object({ t: z.literal('pong'), n: u32 }),
  z.object({ t: z.literal('bye') }),
]);

export type Message = Readonly<z.infer<typeof messageSchema>>;
export type MessageOf<T extends Message['t']> = Extract<Message, { t: T }>;
export type EntryRow = z.infer<typeof entryRow>;
export type OfferRow = z.infer<typeof offerRow>;
export type Want = z.infer<typeof want>;
export type Right = z.infer<typeof right>;

/** A kind of message that this version does not know: answered `unsupported`, never a fault. */
export interface UnknownMessage {
  readonly t: 'unknown';
  readonly kind: string;
  readonly id?: number;
}

const kinds: ReadonlySet<string> = new Set(messageSchema.options.map((one) => one.shape.t.value));
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A message as a frame. */
export function encode(message: Message): Buffer {
  return encodeMessage(JSON.stringify(message));
}

/**
 * The body of a message frame as one of our messages, rebuilt field by field. Throws SharingError
 * `protocol` for bytes that are not UTF-8, not JSON, or a known kind with a wrong shape.
 */
export function decode(body: Uint8Array): Message | UnknownMessage {
  const value = parseObject(body);
  const unknown = unknownKind(value);
  if (unknown) return unknown;
  const result = messageSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue ? `${issue.path.join('.')}: ${issue.code}` : '';
  throw new SharingError('protocol', `malformed message (${where})`);
}

function parseObject(body: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(body));
  } catch (error) {
    throw new SharingError('protocol', 'message is not UTF-8 JSON', {}, error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new SharingError('protocol', 'message is not an object');
}

function unknownKind(value: object): UnknownMessage | undefined {
  const kind = 't' in value ? value.t : undefined;
  if (typeof kind !== 'string' || !word.safeParse(kind).success) {
    throw new SharingError('protocol', 'message has no kind');
  }
  if (kinds.has(kind)) return undefined;
  const id = u32.safeParse('id' in value ? value.id : undefined);
  return id.success ? { t: 'unknown', kind, id: id.data } : { t: 'unknown', kind };
}
