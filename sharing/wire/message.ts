import { SharingError } from '#sharing/errors.js';
import { encodeMessage } from '#sharing/wire/frame.js';
import {
  isEntryRow,
  isOfferRow,
  isRange,
  maxPathLength,
  tagForm,
  type FileRow,
} from '#sharing/wire/rows.js';
import { z } from 'zod/mini';

/** The protocol's major version; both sides must speak the same. */
export const protocolVersion = 1;
/** Most rows in one page of a list, an offer or a want. */
export const maxRows = 500;

/** Most paths beside the first in one `get`. */
export const maxFurther = maxRows - 1;
/** Most ranges in one want. */
export const maxRanges = 1000;
/** Most chunks that one `got` confirms beside its own: the rest of a window. */
const maxAlsoGot = 7;

/** What becomes of a file whose name is taken; without a word it is numbered. */
export const policies = ['number', 'overwrite', 'skip', 'update'] as const;
export type Policy = (typeof policies)[number];

const u32 = z.int().check(z.gte(0), z.lte(0xffff_ffff));
const size = z.int().check(z.gte(0));
/** Microseconds since 1970, so that a JSON number holds it exactly. */
const time = z.int();
/** Of the protocol, in a hello. */
const version = z.int().check(z.gte(1), z.lte(1000));
const word = z.string().check(z.minLength(1), z.maxLength(32));
const text = z.string().check(z.maxLength(512));
/** Numbers that make a refusal useful, in bytes. */
const facts = z.optional(z.partial(z.object({ size, free: size, limit: size })));
const path = z.string().check(z.maxLength(maxPathLength));
const digestText = z.string().check(z.regex(/^[a-z0-9]{1,16}:[0-9a-f]{64}$/));
const tag = z.string().check(z.regex(tagForm));
const name = z.string().check(z.minLength(1), z.maxLength(256));

/** Exactly `length` bytes. */
function hex(length: number): z.ZodMiniString {
  return z.string().check(z.regex(new RegExp(`^[0-9a-f]{${length * 2}}$`)));
}

/** At most so many, each of which is one by this look. */
function many<T>(isOne: (row: unknown) => row is T, most: number): z.ZodMiniType<T[]> {
  return z.custom<T[]>((rows) => Array.isArray(rows) && rows.length <= most && rows.every(isOne));
}

const ranges = many(isRange, maxRanges);
const right = z.enum(['read', 'write', 'replace']);
const as = z.enum(['owner', 'peer', 'open']);
/** Devices that a code is good for. */
const uses = z.int().check(z.gte(0), z.lte(100));

const want = () =>
  z.discriminatedUnion('want', [
    z.object({ want: z.literal('all'), file: u32 }),
    z.object({ want: z.literal('ranges'), file: u32, ranges }),
    z.object({ want: z.literal('digests'), file: u32 }),
    z.object({
      want: z.literal('nothing'),
      file: u32,
      /** `staged`: it came with an earlier attempt, in a folder that is not complete yet. */
      reason: z.enum(['identical', 'skipped', 'staged']),
      as: name,
      /** Of what is the same; of what is skipped nobody has looked at it. */
      digest: z.optional(digestText),
    }),
    z.object({ want: z.literal('refused'), file: u32, code: word, message: text, facts }),
  ]);

/** Who is in, and what moves, for the owner of a server. */
const clientRow = () =>
  z.object({
    id: z.string().check(z.length(52)),
    name: z.string().check(z.maxLength(256)),
    address: z.string().check(z.maxLength(64)),
    as,
    rights: z.array(right).check(z.maxLength(3)),
    /** Milliseconds since 1970. */
    since: time,
  });
const transferRow = () =>
  z.object({
    id: z.string().check(z.length(52)),
    name: z.string().check(z.maxLength(256)),
    direction: z.enum(['in', 'out']),
    path,
    bytes: size,
    size,
    rate: size,
    files: z.optional(z.object({ done: u32, of: u32, counted: z.boolean() })),
  });
/** Milliseconds, counts and bytes; without `free` nobody knows how much that is. */
const figures = () =>
  z.object({
    uptime: size,
    clients: u32,
    transfers: u32,
    filesIn: size,
    filesOut: size,
    bytesIn: size,
    bytesOut: size,
    refused: size,
    paired: size,
    maxClients: u32,
    maxFileSize: size,
    quota: size,
    keepFree: size,
    free: z.optional(size),
  });

/**
 * Every control message of version 1 (PROTOCOL.md, "Messages"). Unknown keys are dropped. Each schema is made when the first
 * message of its kind comes: most runs meet few kinds.
 */
const kinds = {
  hello: () =>
    z.object({
      t: z.literal('hello'),
      v: version,
      features: z.array(word).check(z.maxLength(32)),
      digests: z.array(word).check(z.minLength(1), z.maxLength(8)),
      purpose: z.enum(['control', 'lane']),
      name,
      /** The client has a code, and wants to become known though an open door would let it in. */
      pair: z.optional(z.boolean()),
      /** Of a lane: which one it is. */
      token: z.optional(tag),
    }),
  welcome: () =>
    z.object({
      t: z.literal('welcome'),
      v: z.literal(protocolVersion),
      features: z.array(word).check(z.maxLength(32)),
      digest: word,
      as,
      rights: z.array(right).check(z.maxLength(3)),
      name,
    }),
  denied: () => z.object({ t: z.literal('denied'), code: word, message: text, facts }),
  pair: () => z.object({ t: z.literal('pair'), name }),
  share: () => z.object({ t: z.literal('share'), share: hex(32) }),
  proof: () => z.object({ t: z.literal('proof'), proof: hex(64) }),
  'new-code': () => z.object({ t: z.literal('new-code'), id: u32, uses: uses.check(z.gte(1)) }),
  code: () => z.object({ t: z.literal('code'), id: u32, code: word, expires: time, voids: uses }),
  shutdown: () => z.object({ t: z.literal('shutdown'), id: u32 }),
  status: () => z.object({ t: z.literal('status'), id: u32 }),
  state: () =>
    z.object({
      t: z.literal('state'),
      id: u32,
      clients: z.array(clientRow()).check(z.maxLength(maxRows)),
      transfers: z.array(transferRow()).check(z.maxLength(maxRows)),
      more: z.boolean(),
      /** On the last page. */
      figures: z.optional(figures()),
    }),
  list: () => z.object({ t: z.literal('list'), id: u32, path }),
  entries: () =>
    z.object({
      t: z.literal('entries'),
      id: u32,
      rows: many(isEntryRow, maxRows),
      more: z.boolean(),
      /** With the last page: names that are left out because they cannot be shared. */
      unshared: z.optional(u32),
    }),
  get: () =>
    z.object({
      t: z.literal('get'),
      id: u32,
      path,
      /** Where nothing has this path, all that match it are meant. */
      glob: z.optional(z.literal(true)),
      /** More paths: what lies at each of them, and at the first, comes in one batch. */
      further: z.optional(z.array(path).check(z.maxLength(maxFurther))),
    }),
  offer: () =>
    z.object({
      t: z.literal('offer'),
      id: u32,
      files: many(isOfferRow, maxRows),
      more: z.boolean(),
      /** Many files in one transfer (PROTOCOL.md, "Batches"). */
      batch: z.optional(z.literal(true)),
      /** On the last page of a batch: what the sender leaves out without a word, counted. */
      left: z.optional(z.object({ links: u32, hidden: u32 })),
      /** A plain name instead of the receiver's prefix and the sender's name. */
      as: z.optional(name),
      policy: z.optional(z.enum(policies)),
    }),
  want: () =>
    z.object({
      t: z.literal('want'),
      id: u32,
      files: z.array(want()).check(z.maxLength(maxRows)),
      /** Numbers of small files of a batch that are wanted whole. */
      all: z.optional(ranges),
      /** How many rows of a batch were looked at so far. */
      judged: z.optional(u32),
      more: z.boolean(),
    }),
  got: () =>
    z.object({
      t: z.literal('got'),
      id: u32,
      file: u32,
      chunk: u32,
      /** Chunks that landed before it and were not told yet. */
      also: z.optional(z.array(u32).check(z.maxLength(maxAlsoGot))),
    }),
  end: () => z.object({ t: z.literal('end'), id: u32, file: u32 }),
  receipt: () =>
    z.object({ t: z.literal('receipt'), id: u32, file: u32, as: name, size, digest: digestText }),
  receipts: () =>
    z.object({
      t: z.literal('receipts'),
      id: u32,
      /** Numbers of small files that are stored. */
      stored: ranges,
      /** Those among them that got another name than was asked for. */
      named: z.array(z.tuple([u32, name])).check(z.maxLength(maxRows)),
    }),
  placed: () => z.object({ t: z.literal('placed'), id: u32, file: u32, as: name }),
  finished: () => z.object({ t: z.literal('finished'), id: u32 }),
  /** The client wants a lane for its transfer; the server answers with the token. */
  lane: () => z.object({ t: z.literal('lane'), id: u32, token: z.optional(tag) }),
  ready: () => z.object({ t: z.literal('ready') }),
  stop: () => z.object({ t: z.literal('stop'), id: u32, code: word, message: text, facts }),
  fail: () =>
    z.object({ t: z.literal('fail'), id: u32, file: u32, code: word, message: text, facts }),
  error: () =>
    z.object({ t: z.literal('error'), id: z.optional(u32), code: word, message: text, facts }),
  ping: () => z.object({ t: z.literal('ping'), n: u32 }),
  pong: () => z.object({ t: z.literal('pong'), n: u32 }),
  bye: () => z.object({ t: z.literal('bye') }),
} satisfies Record<string, () => z.ZodMiniType>;

type Kinds = typeof kinds;
type Kind = keyof Kinds;

export type Message = Readonly<{ [K in Kind]: z.infer<ReturnType<Kinds[K]>> }[Kind]>;
export type MessageOf<T extends Message['t']> = Extract<Message, { t: T }>;
/** Half-open ranges of numbers, ascending and apart. */
export type Ranges = readonly (readonly [number, number])[];
export type Want = z.infer<ReturnType<typeof want>>;
export type Right = z.infer<typeof right>;
export type ClientRow = Readonly<z.infer<ReturnType<typeof clientRow>>>;
export type TransferRow = Readonly<z.infer<ReturnType<typeof transferRow>>>;
export type Figures = Readonly<z.infer<ReturnType<typeof figures>>>;

/** A kind of message that this version does not know: answered `unsupported`, never a fault. */
export interface UnknownMessage {
  readonly t: 'unknown';
  readonly kind: string;
  readonly id?: number;
}

/** Those that were made so far. */
const schemas = new Map<Kind, z.ZodMiniType<Message>>();
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
  const kind = kindOf(value);
  if (!isKnown(kind)) return unknownMessage(kind, value);
  const other = otherVersion(value);
  if (other) return other;
  const result = schemaOf(kind).safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue ? `${issue.path.join('.')}: ${issue.code}` : '';
  throw new SharingError('protocol', `malformed message (${where})`);
}

/** The row of an offer that is no batch. Throws SharingError `protocol` when there are more, or it is none of a file. */
export function onlyFile({ files, more }: MessageOf<'offer'>): FileRow {
  const [row] = files;
  if (row?.length === 4 && files.length === 1 && !more) return row;
  throw new SharingError('protocol', 'an offer of one file has one row with four parts');
}

/** A hello of another version may look as it likes: it is refused for its version alone. */
function otherVersion(value: object): MessageOf<'hello'> | undefined {
  if (!('t' in value) || value.t !== 'hello') return undefined;
  const v = version.safeParse('v' in value ? value.v : undefined);
  if (!v.success || v.data === protocolVersion) return undefined;
  return { t: 'hello', v: v.data, features: [], digests: [], purpose: 'control', name: '' };
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

function kindOf(value: object): string {
  const kind = 't' in value ? value.t : undefined;
  if (typeof kind === 'string' && word.safeParse(kind).success) return kind;
  throw new SharingError('protocol', 'message has no kind');
}

function isKnown(kind: string): kind is Kind {
  return Object.hasOwn(kinds, kind);
}

function schemaOf(kind: Kind): z.ZodMiniType<Message> {
  const made = schemas.get(kind) ?? kinds[kind]();
  schemas.set(kind, made);
  return made;
}

function unknownMessage(kind: string, value: object): UnknownMessage {
  const id = u32.safeParse('id' in value ? value.id : undefined);
  return id.success ? { t: 'unknown', kind, id: id.data } : { t: 'unknown', kind };
}
