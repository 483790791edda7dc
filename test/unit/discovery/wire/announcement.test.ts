import { expect, test } from 'vitest';
import { decodeReply, encodeAnnouncement } from '#discovery/wire/announcement.js';
import { announcement } from '../loopback.js';

const decode = (text: string) => decodeReply(Buffer.from(text, 'utf8'));

test('the first line is for people, the second for programs, both end in LF', () => {
  const lines = Buffer.from(encodeAnnouncement(announcement())).toString('utf8').split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe("Amber's File Sharing Service");
  expect(JSON.parse(lines[1]!)).toMatchObject({ svc: 'lanpost', v: 1, port: 30001 });
  expect(lines[2]).toBe('');
});

test('what was announced is what is read', () => {
  expect(decodeReply(encodeAnnouncement(announcement()))).toEqual({
    kind: 'announcement',
    announcement: announcement(),
    newer: false,
  });
});

test('a name that cleans to nothing is announced as unnamed', () => {
  const reply = decodeReply(encodeAnnouncement(announcement({ name: '\u0007' })));
  expect(reply).toMatchObject({ announcement: { name: 'unnamed' } });
});

test.each(['"'.repeat(64), '\\'.repeat(64), '\u{1f600}'.repeat(64), "'s File Sharing Service"])(
  'with the name %j the reply still fits and is read back',
  (name) => {
    const bytes = encodeAnnouncement(announcement({ name, code: false, port: 65535 }));
    expect(bytes.length).toBeLessThanOrEqual(512);
    expect(decodeReply(bytes).kind).toBe('announcement');
  },
);

test('513 bytes are refused before they are parsed', () => {
  const padded = Buffer.concat([encodeAnnouncement(announcement()), Buffer.alloc(400, ' ')]);
  expect(decodeReply(padded.subarray(0, 512)).kind).toBe('announcement');
  expect(decodeReply(padded.subarray(0, 513))).toEqual({ kind: 'malformed', reason: 'too-long' });
});

test('only the first line: a server from before', () => {
  expect(decode("Jastine's File Sharing Service")).toEqual({ kind: 'legacy', name: 'Jastine' });
});
