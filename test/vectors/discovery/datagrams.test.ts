import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  decodeReply,
  encodeAnnouncement,
  type DecodedReply,
} from '#discovery/wire/announcement.js';
import { cleanName } from '#discovery/name.js';
import { encodeProbe, isProbe } from '#discovery/wire/probe.js';

/** One datagram; `canonical` ones are also what our own side must send for their meaning. */
interface Vector<Outcome> {
  readonly what: string;
  readonly text?: string;
  readonly hex?: string;
  readonly outcome: Outcome;
  readonly canonical?: true;
}

function load<Outcome>(file: string): Vector<Outcome>[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as Vector<Outcome>[];
}

function bytesOf({ text, hex }: Vector<unknown>): Buffer {
  return hex === undefined ? Buffer.from(text ?? '', 'utf8') : Buffer.from(hex, 'hex');
}

describe('probes.json', () => {
  test.each(load<'probe' | 'malformed'>('probes.json'))('$what: $outcome', (vector) => {
    expect(isProbe(bytesOf(vector))).toBe(vector.outcome === 'probe');
    if (vector.canonical) expect(Buffer.from(encodeProbe())).toEqual(bytesOf(vector));
  });
});

describe('replies.json', () => {
  test.each(load<DecodedReply>('replies.json'))('$what: $outcome.kind', (vector) => {
    expect(decodeReply(bytesOf(vector))).toEqual(vector.outcome);
    if (!vector.canonical) return;
    if (vector.outcome.kind !== 'announcement') throw new Error('only announcements are sent');
    const sent = encodeAnnouncement(vector.outcome.announcement);
    expect(Buffer.from(sent).toString('utf8')).toBe(bytesOf(vector).toString('utf8'));
  });

  test('no reply among them is a probe', () => {
    for (const vector of load('replies.json')) {
      if (vector.what !== 'the probe itself') expect(isProbe(bytesOf(vector))).toBe(false);
    }
  });
});

interface Name {
  readonly what: string;
  readonly text: string;
  /** Empty where nothing is left. */
  readonly name: string;
}

const names = JSON.parse(readFileSync(join(import.meta.dirname, 'names.json'), 'utf8')) as Name[];

describe('names.json', () => {
  test.each(names)('$what', ({ text, name }) => {
    expect(cleanName(text) ?? '').toBe(name);
    expect(cleanName(name) ?? '').toBe(name);
  });
});
