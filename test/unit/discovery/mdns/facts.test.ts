import { expect, test } from 'vitest';
import { announcementOf, encodeFacts, instanceName } from '#discovery/mdns/facts.js';
import { announcement } from '../loopback.js';

test.each([announcement(), announcement({ code: false, name: 'ä'.repeat(64) })])(
  'what is announced is read back',
  (said) => {
    const facts = new Map(Object.entries(encodeFacts(said)));
    for (const [key, value] of facts) {
      expect(Buffer.byteLength(`${key}=${value}`)).toBeLessThan(256);
    }
    expect(announcementOf(facts, said.port)).toEqual({
      kind: 'announcement',
      announcement: said,
      newer: false,
    });
  },
);

test('the name in the list is one short label', () => {
  expect(instanceName('Amber')).toBe('Amber');
  expect(instanceName('Dr. Who')).toBe('Dr- Who');
  expect(instanceName('\u0007')).toBe('unnamed');
  const long = instanceName('😀'.repeat(64));
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(57);
  expect(long).toMatch(/^(?:😀)+$/u);
});
