import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeReply,
  encodeAnnouncement,
  type Announcement,
} from '#discovery/wire/announcement.js';
import { cleanName } from '#discovery/name.js';
import { isProbe } from '#discovery/wire/probe.js';

const neverShown = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u2066-\u2069\u202a-\u202e]/u;

const idSymbol = fc.constantFrom(...Array.from('0123456789ABCDEFGHJKMNPQRSTVWXYZ'));
const runSymbol = fc.constantFrom(...Array.from('AZaz09_-'));
const text = fc.string({ unit: 'binary', maxLength: 200 });
const announcements: fc.Arbitrary<Announcement> = fc.record({
  id: fc.string({ unit: idSymbol, minLength: 52, maxLength: 52 }),
  run: fc.string({ unit: runSymbol, minLength: 8, maxLength: 8 }),
  name: fc.oneof(text, fc.string({ unit: fc.constantFrom('"', '\\', '\u{1f600}'), maxLength: 90 })),
  port: fc.integer({ min: 1, max: 65535 }),
  code: fc.boolean(),
});

test('any bytes are an announcement, legacy or malformed, and never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(['announcement', 'legacy', 'malformed']).toContain(decodeReply(bytes).kind);
      isProbe(bytes);
    }),
    { numRuns: 2000 },
  );
});

test('bytes close to a reply neither', () => {
  const change = fc.tuple(fc.nat(511), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(announcements, fc.array(change, { maxLength: 8 }), (announcement, changes) => {
      const bytes = Uint8Array.from(encodeAnnouncement(announcement));
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const reply = decodeReply(bytes);
      if (reply.kind === 'legacy') expectClean(reply.name);
      if (reply.kind === 'announcement') expectClean(reply.announcement.name);
    }),
    { numRuns: 1000 },
  );
});

test('an announcement cut at any byte is itself, legacy or malformed', () => {
  fc.assert(
    fc.property(announcements, (announcement) => {
      const bytes = encodeAnnouncement(announcement);
      for (let length = 0; length < bytes.length; length += 1) {
        const reply = decodeReply(bytes.subarray(0, length));
        // Only the last line end may be missing.
        if (reply.kind === 'announcement') expect(length).toBe(bytes.length - 1);
        if (reply.kind === 'legacy') expectClean(reply.name);
      }
    }),
    { numRuns: 50 },
  );
});

test('whatever is announced fits, is read back and is no probe', () => {
  fc.assert(
    fc.property(announcements, (announcement) => {
      const bytes = encodeAnnouncement(announcement);
      expect(bytes.length).toBeLessThanOrEqual(512);
      expect(isProbe(bytes)).toBe(false);
      const name = cleanName(announcement.name) ?? 'unnamed';
      expect(decodeReply(bytes)).toEqual({
        kind: 'announcement',
        announcement: { ...announcement, name },
        newer: false,
      });
    }),
    { numRuns: 1000 },
  );
});

test('a name that begins like a probe never makes a reply that is one', () => {
  const pieces = fc.array(fc.constantFrom('SERVICE DISCOVERY', ' ', '\n', '\u200b', 'x', '\0'));
  fc.assert(
    fc.property(announcements, pieces, (announcement, parts) => {
      const bytes = encodeAnnouncement({ ...announcement, name: parts.join('') });
      expect(Buffer.from(bytes).toString('utf8').startsWith('SERVICE DISCOVERY')).toBe(false);
      expect(isProbe(bytes)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('a cleaned name is clean, and stays as it is', () => {
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'grapheme', maxLength: 90 })), (raw) => {
      const name = cleanName(raw);
      if (name === null) return;
      expectClean(name);
      expect(cleanName(name)).toBe(name);
    }),
    { numRuns: 5000 },
  );
});

function expectClean(name: string): void {
  expect(name).not.toMatch(neverShown);
  expect(name).toBe(name.normalize('NFC'));
  expect(name).toBe(name.trim());
  expect(Array.from(name).length).toBeGreaterThan(0);
  expect(Array.from(name).length).toBeLessThanOrEqual(64);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(128);
}
