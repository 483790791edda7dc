import { expect, test } from 'vitest';
import { jsonLine } from '#src/view/json.js';
import { join } from 'node:path';
import { documentOf } from '../../../support/json-document.js';
import { events, mustBeLine } from '../../../support/json-events.js';

/** It lies beside what prints the lines. */
const place = '../../../../src/view/JSON.md';

test.each(Object.entries(events))(
  '%s is one line, as it is documented',
  (event, { example, keys }) => {
    const line = jsonLine(example);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    const read = JSON.parse(line) as Record<string, unknown>;
    mustBeLine(read);
    expect(read).toMatchObject({ v: 1, event });
    expect(line.startsWith('{"v":1,"event":')).toBe(true);
    const { v: _v, event: _event, ...rest } = read;
    expect(Object.keys(keys.shape)).toEqual(expect.arrayContaining(Object.keys(rest)));
  },
);

test('a line that is not documented is found out', () => {
  const line = JSON.parse(jsonLine(events.stored.example)) as object;
  for (const more of [
    { v: 2 },
    { event: 'sent' },
    { size: '5' },
    { digest: 'md5:00' },
    { extra: 1 },
  ]) {
    expect(() => {
      mustBeLine({ ...line, ...more });
    }).toThrow();
  }
});

test('of several servers each line says whose it is', () => {
  const line = JSON.parse(jsonLine(events.back.example, 'amber')) as object;
  expect(line).toMatchObject({ server: 'amber' });
  mustBeLine(line);
});

test('the document says the same', async () => {
  await expect(documentOf(events)).toMatchFileSnapshot(join(import.meta.dirname, place));
});

test('sizes stay bytes, times become ISO 8601 UTC, ids stay whole', () => {
  const entry = events.entry.example;
  expect(JSON.parse(jsonLine(entry))).toMatchObject({ size: 5, mtime: '2026-11-20T19:22:00.000Z' });
  expect(JSON.parse(jsonLine({ ...entry, mtime: Number.MAX_VALUE }))).toMatchObject({
    mtime: null,
  });
  expect(JSON.parse(jsonLine(events.connected.example))).toMatchObject({
    id: events.connected.example.id,
  });
});

test('a hint is a key of its own, where there is one', () => {
  const failed = events.failed.example;
  expect(JSON.parse(jsonLine({ ...failed, hint: 'do this' }))).toMatchObject({ hint: 'do this' });
});

test('controls of a terminal arrive escaped and are read back as they were', () => {
  const path = 'a\u001b\u007f\u009b\u200b\u202e\u2028\ufeff"\\b';
  const line = jsonLine({ ...events.received.example, path });
  expect(line).toContain('a\\u001b\\u007f\\u009b\\u200b\\u202e\\u2028\\ufeff\\"\\\\b');
  expect(JSON.parse(line)).toMatchObject({ path });
});
