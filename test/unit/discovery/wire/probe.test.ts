import { expect, test } from 'vitest';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { encodeProbe, isProbe } from '#discovery/wire/probe.js';
import { announcement } from '../loopback.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

test('a probe is exactly its 17 bytes', () => {
  expect(Buffer.from(encodeProbe()).toString('latin1')).toBe('SERVICE DISCOVERY');
});

test('a caller cannot change the next probe', () => {
  encodeProbe().fill(0);
  expect(isProbe(encodeProbe())).toBe(true);
});

test.each(['', '\r', '\n', '\r\n', ' ', ' 2', ` ${'x'.repeat(400)}`, ' \n\0\xff'])(
  'the probe followed by %j is answered',
  (tail) => {
    expect(isProbe(bytes(`SERVICE DISCOVERY${tail}`))).toBe(true);
  },
);

test.each([
  '',
  'S',
  'SERVICE DISCOVER',
  'service discovery',
  ' SERVICE DISCOVERY',
  'SERVICE DISCOVERY\n\n',
  'SERVICE DISCOVERY\n\r',
  'SERVICE DISCOVERY\0',
  'SERVICE DISCOVERYX',
  `SERVICE DISCOVERY ${'x'.repeat(401)}`,
])('%j is no probe', (text) => {
  expect(isProbe(bytes(text))).toBe(false);
});

test.each(['SERVICE DISCOVERY', 'SERVICE DISCOVERY x', 'SERVICE DISCOVERY SERVICE DISCOVERY'])(
  'the reply of a server called %j is no probe, so two servers never talk in circles',
  (name) => {
    expect(isProbe(encodeAnnouncement(announcement({ name })))).toBe(false);
  },
);

test('neither is the reply of a foreign server with such a name', () => {
  expect(isProbe(bytes("SERVICE DISCOVERY x's File Sharing Service"))).toBe(false);
});
