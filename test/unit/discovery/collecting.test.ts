import { expect, test } from 'vitest';
import { neighbourhoodOf } from '#discovery/addresses.js';
import { createCollecting } from '#discovery/collecting.js';
import { createInbox } from '#discovery/inbox.js';
import type { Finding } from '#discovery/scanner.js';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { announcement, entry, idOf, loopbackOnly } from './loopback.js';

const here = neighbourhoodOf({ ...loopbackOnly(), eth0: [entry('192.168.1.2', 24)] });

test('addresses of our networks come first, then the rest of IPv4, then IPv6, loopback last', () => {
  const collecting = createCollecting(here, createInbox<Finding>(100));
  const bytes = encodeAnnouncement(announcement());
  const nearest = ['192.168.1.9', '10.0.0.9', 'fd00::9', 'fe80::9%eth0', '127.0.0.1'];
  for (const address of nearest.toReversed()) {
    expect(collecting.take({ bytes, address, port: 9 })).toBe(true);
  }
  expect(collecting.servers()[0]?.addresses).toEqual(nearest);
});

test('counts what is malformed, too much, or lost to a full queue', () => {
  const findings = createInbox<Finding>(2);
  const collecting = createCollecting(here, findings);
  const ids = ['0', '1', '2', '3', '4', '5', '6', '7', '8'];
  for (const id of ids) {
    const bytes = encodeAnnouncement(announcement({ id: idOf(id) }));
    collecting.take({ bytes, address: '10.0.0.9', port: 9 });
  }
  expect(collecting.take({ bytes: Buffer.from('junk'), address: '10.0.0.9', port: 9 })).toBe(false);
  collecting.lost('too-long');
  collecting.lost('inbox-full');
  expect(collecting.counts()).toEqual({
    servers: 8,
    datagrams: 12,
    malformed: 2,
    excess: 1,
    dropped: 6 + 1,
    announced: 0,
  });
});
