import { addressKey, placeOf, unmapped } from '#sharing/transport/address.js';
import { expect, test } from 'vitest';

test.each([
  ['10.0.0.9', '10.0.0.9:30001'],
  ['::ffff:10.0.0.9', '10.0.0.9:30001'],
  ['::FFFF:a00:9', '10.0.0.9:30001'],
  ['0:0:0:0:0:ffff:10.0.0.9', '10.0.0.9:30001'],
  ['Amber.Local.', 'amber.local:30001'],
  ['2001:DB8:0:0:0:0:0:1', '[2001:db8::1]:30001'],
  ['fe80::0001%eth0', '[fe80::1%eth0]:30001'],
  ['::1', '[::1]:30001'],
])('%s is one place, however it is typed', (host, place) => {
  expect(placeOf(host, 30_001)).toBe(place);
});

test('an IPv4-mapped address is an IPv4 address', () => {
  expect(unmapped('::ffff:10.0.0.9')).toBe('10.0.0.9');
  expect(unmapped('fe80::1')).toBe('fe80::1');
});

test('an IPv6 household is one address', () => {
  expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2::9'));
  expect(addressKey('2001:db8:1:2::9')).not.toBe(addressKey('2001:db8:1:3::9'));
  expect(addressKey('fe80::1%eth0')).not.toBe(addressKey('fe80::2%eth0'));
  expect(addressKey('fe80::1%eth0')).not.toBe(addressKey('fe80::1%eth1'));
});
