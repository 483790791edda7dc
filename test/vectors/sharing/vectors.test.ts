import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SharingError } from '#sharing/errors.js';
import {
  encodeChunkHeader,
  encodeDataHeader,
  encodeDigests,
  encodeMessage,
  frameDecoder,
  type Frame,
} from '#sharing/wire/frame.js';
import { decode, encode, type Message } from '#sharing/wire/message.js';
import { framesOf } from '../../support/frames.js';

type Plain = Record<string, string | number>;

const frames = read<{ name: string; hex: string; frames?: Plain[]; breach?: boolean }>('frames');
const messages = read<{ text: string; means?: string; breach?: boolean }>('messages');

function read<T>(name: string): T[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8')) as T[];
}

/** Frames with their bytes as hex, the parts of one data frame put together again. */
function decodeAll(bytes: Buffer, cut: number): Plain[] {
  const decoder = frameDecoder();
  const found: Plain[] = [];
  for (let at = 0; at < bytes.length; at += cut) {
    for (const frame of framesOf(decoder, bytes.subarray(at, at + cut))) found.push(plain(frame));
  }
  expect(decoder.atBoundary()).toBe(true);
  return found;
}

function plain(frame: Frame): Plain {
  return Object.fromEntries(
    Object.entries(frame).map(([key, value]: [string, unknown]) => [
      key,
      Buffer.isBuffer(value) ? value.toString('hex') : (value as string | number),
    ]),
  );
}

/** A data frame may be handed on in parts, so only the bytes of neighbours can be compared. */
function joined(list: readonly Plain[]): Plain[] {
  const result: Plain[] = [];
  for (const frame of list) {
    const last = result.at(-1);
    if (frame['t'] === 'data' && last?.['t'] === 'data') {
      result[result.length - 1] = { t: 'data', bytes: `${last['bytes']}${frame['bytes']}` };
    } else result.push(frame);
  }
  return result;
}

function encodeFrame(frame: Plain): Buffer {
  const hex = (key: string): Buffer => Buffer.from(String(frame[key]), 'hex');
  const number = (key: string): number => Number(frame[key]);
  const [id, file] = [number('id'), number('file')];
  switch (frame['t']) {
    case 'message':
      return encodeMessage(hex('body').toString());
    case 'chunk': {
      const header = { id, file, chunk: number('chunk'), length: number('length') };
      return encodeChunkHeader({ ...header, digest: hex('digest') });
    }
    case 'digests':
      return encodeDigests({ id, file, first: number('first'), digests: hex('digests') });
    default:
      return Buffer.concat([encodeDataHeader(hex('bytes').length), hex('bytes')]);
  }
}

describe('frames', () => {
  test.each(frames.filter(({ breach }) => !breach))('$name', ({ hex, frames: expected = [] }) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(decodeAll(bytes, bytes.length)).toEqual(expected);
    expect(Buffer.concat(expected.map(encodeFrame)).toString('hex')).toBe(hex);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(joined(decodeAll(bytes, cut))).toEqual(joined(expected));
    }
  });

  test.each(frames.filter(({ breach }) => breach))('$name is a breach', ({ hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    for (const cut of [bytes.length, 1]) {
      expect(() => decodeAll(bytes, cut)).toThrow(SharingError);
    }
  });

  test('a length that three bytes cannot say is not written', () => {
    expect(encodeDataHeader(0xff_ffff).toString('hex')).toBe('03ffffff');
    expect(() => encodeDataHeader(0x100_0000)).toThrow(RangeError);
  });

  test('a bad header is refused before its body is there', () => {
    const decoder = frameDecoder();
    expect(() => [...framesOf(decoder, Buffer.from('01ffffff', 'hex'))]).toThrow(/65535|16777215/);
  });
});

describe('messages', () => {
  test.each(messages.filter(({ breach }) => !breach))('$text', ({ text, means }) => {
    const message = decode(Buffer.from(text));
    expect(message).toEqual(JSON.parse(means ?? text));
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype);
    if (means !== undefined) return;
    const frame = encode(message as Message);
    expect(decode(frame.subarray(4))).toEqual(message);
  });

  test.each(messages.filter(({ breach }) => breach))('$text is a breach', ({ text }) => {
    expect(() => decode(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'protocol' }) as Error,
    );
  });

  test.each([
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['a byte order mark', Buffer.from('\ufeff{"t":"bye"}')],
    ['ten thousand brackets', Buffer.from('['.repeat(10_000))],
    ['deep nesting in an unknown key', Buffer.from(`{"t":"x","a":${'['.repeat(9000)}`)],
  ])('%s are a breach', (_, bytes) => {
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }) as Error);
  });
});
