import { SharingError } from '#sharing/errors.js';

/** Bytes of a chunk, the unit of reading, digest, journal and resuming (PROTOCOL.md, "Chunks"). */
export const chunkSize = 1024 * 1024;
/** Bytes of a digest, whatever the algorithm. */
export const digestLength = 32;
/** Longest control message in bytes: refused on the announced length, before anything is buffered. */
const maxMessageLength = 64 * 1024;
/** Most digests in one frame. */
const maxDigests = 1024;

const headerLength = 4;
/** What the three bytes of a length can say. */
const maxLength = 0xff_ffff;
const chunkHeaderLength = 16 + digestLength;
const digestsHeaderLength = 12;

const kindByte = { message: 1, chunk: 2, data: 3, digests: 4 } as const;

/** Announces one chunk; its bytes follow in data frames on the same connection. */
export interface ChunkHeader {
  readonly id: number;
  readonly file: number;
  readonly chunk: number;
  /** Bytes, 1 to `chunkSize`. */
  readonly length: number;
  readonly digest: Buffer;
}

/** Digests of consecutive chunks of the sender's file, from chunk `first` on. */
export interface Digests {
  readonly id: number;
  readonly file: number;
  readonly first: number;
  readonly digests: Buffer;
}

/** What the decoder gives, told apart as messages are; `data` is a part of a data frame as it arrived, valid until the next push. */
export type Frame =
  | { readonly t: 'message'; readonly body: Buffer }
  | ({ readonly t: 'chunk' } & ChunkHeader)
  | { readonly t: 'data'; readonly bytes: Buffer }
  | ({ readonly t: 'digests' } & Digests);

export interface FrameDecoder {
  /** Takes bytes as they come; all before them must have been taken out. */
  push(bytes: Buffer): void;
  /** What is whole of them, one after the other; undefined when that is all. Throws SharingError `protocol` on an illegal frame. */
  next(): Frame | undefined;
  /** Takes `bytes` when all of them, and more to come, are data of one frame; else they are to be pushed. */
  passes(bytes: Buffer): boolean;
  /** What was pushed last and is not taken yet will change: makes it our own. */
  keep(): void;
  /** True when no frame is half received. */
  atBoundary(): boolean;
}

const nothing: Buffer = Buffer.alloc(0);

/** An incremental decoder (PROTOCOL.md, "Frames"). It never holds more than one control frame. */
export function frameDecoder(): FrameDecoder {
  const header = Buffer.alloc(headerLength);
  let headerFill = 0;
  let kind = 0;
  let left = 0;
  let body: Buffer | undefined;
  let pushed = nothing;
  let at = 0;

  function begin(): void {
    const word = header.readUInt32BE(0);
    kind = word >>> 24;
    left = word & maxLength;
    checkLength(kind, left);
    body = kind === kindByte.data ? undefined : Buffer.allocUnsafe(left);
  }

  /** True when a header is whole. */
  function takeHeader(): boolean {
    for (; headerFill < headerLength && at < pushed.length; headerFill += 1, at += 1) {
      header[headerFill] = pushed[at] ?? 0;
    }
    return headerFill === headerLength;
  }

  /** What the bytes give that follow a header: a part of a data frame, or the whole of another one. */
  function takeBody(): Frame | undefined {
    const from = at;
    at = Math.min(pushed.length, at + left);
    left -= at - from;
    const whole = body;
    if (left === 0) {
      headerFill = 0;
      body = undefined;
    }
    if (!whole) return { t: 'data', bytes: pushed.subarray(from, at) };
    pushed.copy(whole, whole.length - left - (at - from), from, at);
    return left === 0 ? decodeBody(kind, whole) : undefined;
  }

  return {
    push(bytes) {
      pushed = bytes;
      at = 0;
    },
    next() {
      while (at < pushed.length) {
        if (headerFill < headerLength) {
          if (takeHeader()) begin();
        } else {
          const frame = takeBody();
          if (frame) return frame;
        }
      }
      return undefined;
    },
    passes(bytes) {
      if (headerFill < headerLength || body || bytes.length >= left) return false;
      left -= bytes.length;
      pushed = nothing;
      at = 0;
      return true;
    },
    keep() {
      pushed = Buffer.from(pushed.subarray(at));
      at = 0;
    },
    atBoundary: () => headerFill === 0,
  };
}

function checkLength(kind: number, length: number): void {
  if (isLegalLength(kind, length)) return;
  throw new SharingError('protocol', `frame of kind ${kind} with a length of ${length} bytes`);
}

function isLegalLength(kind: number, length: number): boolean {
  switch (kind) {
    case kindByte.message:
      return length >= 2 && length <= maxMessageLength;
    case kindByte.chunk:
      return length === chunkHeaderLength;
    case kindByte.data:
      return length >= 1 && length <= chunkSize;
    case kindByte.digests: {
      const digests = length - digestsHeaderLength;
      return (
        digests >= digestLength &&
        digests <= maxDigests * digestLength &&
        digests % digestLength === 0
      );
    }
    default:
      return false;
  }
}

function decodeBody(kind: number, body: Buffer): Frame {
  if (kind === kindByte.message) return { t: 'message', body };
  const id = body.readUInt32BE(0);
  const file = body.readUInt32BE(4);
  if (kind === kindByte.digests) {
    const first = body.readUInt32BE(8);
    return { t: 'digests', id, file, first, digests: body.subarray(digestsHeaderLength) };
  }
  const chunk = body.readUInt32BE(8);
  const length = body.readUInt32BE(12);
  if (length < 1 || length > chunkSize) {
    throw new SharingError('protocol', `chunk of ${length} bytes`);
  }
  return { t: 'chunk', id, file, chunk, length, digest: body.subarray(16) };
}

/** A control message as a frame. Throws RangeError when the body is too long: our own fault. */
export function encodeMessage(body: string): Buffer {
  const length = Buffer.byteLength(body);
  if (length > maxMessageLength) throw new RangeError(`message of ${length} bytes`);
  const frame = Buffer.allocUnsafe(headerLength + length);
  writeHeader(frame, 0, kindByte.message, length);
  frame.write(body, headerLength);
  return frame;
}

/** The header of a chunk as a frame; its bytes follow in data frames. */
export function encodeChunkHeader(header: ChunkHeader): Buffer {
  const frame = Buffer.allocUnsafe(headerLength + chunkHeaderLength);
  writeChunkHeader(frame, 0, header);
  return frame;
}

/** The header of a data frame; `length` raw bytes must follow it. */
export function encodeDataHeader(length: number): Buffer {
  const frame = Buffer.allocUnsafe(headerLength);
  writeHeader(frame, 0, kindByte.data, length);
  return frame;
}

/** Bytes before the data of a chunk that goes out as one data frame. */
export const packedHeaderLength = headerLength + chunkHeaderLength + headerLength;

/** Writes at `at` what comes before the bytes of a chunk that follow in one data frame. */
export function packHeader(target: Buffer, at: number, header: ChunkHeader): void {
  writeChunkHeader(target, at, header);
  writeHeader(target, at + headerLength + chunkHeaderLength, kindByte.data, header.length);
}

function writeChunkHeader(target: Buffer, at: number, header: ChunkHeader): void {
  writeHeader(target, at, kindByte.chunk, chunkHeaderLength);
  target.writeUInt32BE(header.id, at + 4);
  target.writeUInt32BE(header.file, at + 8);
  target.writeUInt32BE(header.chunk, at + 12);
  target.writeUInt32BE(header.length, at + 16);
  header.digest.copy(target, at + 20);
}

/** Digests of consecutive chunks as a frame. */
export function encodeDigests({ id, file, first, digests }: Digests): Buffer {
  const length = digestsHeaderLength + digests.length;
  const frame = Buffer.allocUnsafe(headerLength + length);
  writeHeader(frame, 0, kindByte.digests, length);
  frame.writeUInt32BE(id, 4);
  frame.writeUInt32BE(file, 8);
  frame.writeUInt32BE(first, 12);
  digests.copy(frame, 16);
  return frame;
}

/** Throws RangeError when the length cannot be said: our own fault. */
function writeHeader(target: Buffer, at: number, kind: number, length: number): void {
  if (length > maxLength) throw new RangeError(`frame of ${length} bytes`);
  target.writeUInt32BE(kind * (maxLength + 1) + length, at);
}
