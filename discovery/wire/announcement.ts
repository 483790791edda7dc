import { z } from 'zod/mini';
import { announcedName, cleanName } from '#discovery/name.js';
import { serviceSuffix } from './service.js';

/** The longest reply, in bytes. */
export const maxReplyBytes = 512;

/** The version this program speaks. */
export const protocolVersion = 1;

/** What a server says of itself. Nothing in it is proven before a connection is made. */
export interface Announcement {
  /** SHA-256 of the server's public key: 52 Crockford base32 symbols in upper case. */
  readonly id: string;
  /** Random for each start: 8 of `A-Z a-z 0-9 _ -`. */
  readonly run: string;
  readonly name: string;
  /** The TCP port that is really bound. */
  readonly port: number;
  /** Whether a stranger needs a code. */
  readonly code: boolean;
}

export type MalformedReply = 'too-long' | 'not-utf8' | 'first-line' | 'name' | 'body';

export type DecodedReply =
  | {
      readonly kind: 'announcement';
      readonly announcement: Announcement;
      /** It speaks a higher version than ours. */
      readonly newer: boolean;
    }
  | { readonly kind: 'legacy'; readonly name: string }
  | { readonly kind: 'malformed'; readonly reason: MalformedReply };

const firstLinePattern = new RegExp(`^(.+)${serviceSuffix}[\\s\\0]*$`, 'u');

const bodySchema = z.object({
  svc: z.literal('lanpost'),
  v: z.int().check(z.gte(1), z.lte(99)),
  id: z.string().check(z.regex(/^[0-9A-HJKMNP-TV-Z]{52}$/)),
  run: z.string().check(z.regex(/^[A-Za-z0-9_-]{8}$/)),
  name: z.string(),
  port: z.int().check(z.gte(1), z.lte(65535)),
  code: z.boolean(),
});

/**
 * One reply datagram, never longer than 512 bytes. The name is cleaned; one with nothing left is
 * announced as `unnamed`. Source: PROTOCOL.md, Reply.
 */
export function encodeAnnouncement(announcement: Announcement): Uint8Array {
  const { id, run, port, code } = announcement;
  const name = announcedName(announcement.name);
  const body = { svc: 'lanpost', v: protocolVersion, id, run, name, port, code };
  return Buffer.from(`${name}${serviceSuffix}\n${JSON.stringify(body)}\n`, 'utf8');
}

/**
 * Reads any bytes, never throws. The length is judged before anything is parsed, and the name in
 * the result is clean. Source: PROTOCOL.md, Reply.
 */
export function decodeReply(bytes: Uint8Array): DecodedReply {
  if (bytes.length > maxReplyBytes) return malformed('too-long');
  const text = decodeText(bytes);
  if (text === null) return malformed('not-utf8');
  const end = text.indexOf('\n');
  const firstLine = end === -1 ? text : text.slice(0, end);
  const body = end === -1 ? '' : text.slice(end + 1);
  const shownName = firstLinePattern.exec(firstLine)?.[1];
  if (shownName === undefined) return malformed('first-line');
  return body.trim() === '' ? decodeLegacy(shownName) : decodeFacts(parseJson(body));
}

/** Judges what a server says of itself, however it came. Source: PROTOCOL.md, Reply. */
export function decodeFacts(facts: unknown): DecodedReply {
  const parsed = bodySchema.safeParse(facts);
  if (!parsed.success) return malformed('body');
  const { v, id, run, port, code } = parsed.data;
  const name = cleanName(parsed.data.name);
  if (name === null) return malformed('name');
  return {
    kind: 'announcement',
    announcement: { id, run, name, port, code },
    newer: v > protocolVersion,
  };
}

function decodeLegacy(shownName: string): DecodedReply {
  const name = cleanName(shownName);
  return name === null ? malformed('name') : { kind: 'legacy', name };
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformed(reason: MalformedReply): DecodedReply {
  return { kind: 'malformed', reason };
}
