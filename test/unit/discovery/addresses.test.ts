import { expect, test } from 'vitest';
import {
  isInNetworks,
  isLinkLocal,
  isLoopback,
  liveNeighbourhood,
  neighbourhoodOf,
  readInterfaces,
  type InterfaceTable,
} from '#discovery/addresses.js';
import { entry } from './loopback.js';

const table: InterfaceTable = {
  lo: [entry('127.0.0.1', 8, true), entry('::1', 128, true)],
  eth0: [entry('203.0.113.5', 24), entry('2001:db8::5', 64), entry('fe80::5', 64)],
  wlan0: undefined,
};
const here = neighbourhoodOf(table);

test.each([
  '127.0.0.1',
  '127.9.9.9',
  '::1',
  '203.0.113.5',
  '::ffff:203.0.113.5',
  '2001:db8::5',
  '2001:0db8:0::5',
  'fe80::5%eth0',
])('%s is our own', (address) => {
  expect(here.isOwnAddress(address)).toBe(true);
  expect(here.isNearby(address)).toBe(true);
});

test.each(['203.0.113.6', '10.0.0.1', '2001:db8::6', 'fe80::6%eth0', '::ffff:10.0.0.1'])(
  '%s is nearby, not our own',
  (address) => {
    expect(here.isOwnAddress(address)).toBe(false);
    expect(here.isNearby(address)).toBe(true);
  },
);

test.each([
  '172.16.0.1',
  '172.31.255.255',
  '192.168.7.7',
  '100.64.0.1',
  '100.127.255.255',
  '169.254.1.1',
  'fd00::1',
  'fe80::1',
  '::ffff:192.168.7.7',
])('%s is private, so it is nearby wherever we are', (address) => {
  expect(neighbourhoodOf({}).isNearby(address)).toBe(true);
  expect(neighbourhoodOf({}).isOnLink(address)).toBe(false);
});

test.each([
  '203.0.114.1',
  '8.8.8.8',
  '172.32.0.1',
  '100.128.0.1',
  '0.0.0.0',
  '224.0.0.251',
  '255.255.255.255',
  '2001:db8:1::1',
  '::',
  '::ffff:8.8.8.8',
  'example.org',
  '',
  '10.0.0',
  '10.0.0.1 ',
])('%j is not nearby', (address) => {
  expect(here.isNearby(address)).toBe(false);
  expect(here.isOnLink(address)).toBe(false);
});

test('an interface that claims the whole world does not get it', () => {
  const vpn = neighbourhoodOf({ tun0: [entry('198.51.100.1', 0)] });
  expect(vpn.isNearby('8.8.8.8')).toBe(false);
  expect(vpn.isOwnAddress('198.51.100.1')).toBe(true);
});

test('the list is kept for 5 s and read again on a miss, at most once per second', () => {
  let clock = 0;
  let reads = 0;
  const live = liveNeighbourhood({
    now: () => clock,
    interfaces: () => {
      reads += 1;
      return table;
    },
  });
  live.isOwnAddress('203.0.113.5');
  live.isOwnAddress('203.0.113.5');
  expect(reads).toBe(1);
  clock = 900;
  live.isOwnAddress('198.51.100.7');
  expect(reads).toBe(1);
  clock = 1000;
  live.isOwnAddress('198.51.100.7');
  live.isOwnAddress('198.51.100.7');
  expect(reads).toBe(2);
  clock = 5999;
  live.isOwnAddress('203.0.113.5');
  expect(reads).toBe(2);
  clock = 6000;
  live.isOwnAddress('203.0.113.5');
  expect(reads).toBe(3);
});

test('an address that appears is known at the next question after a second', () => {
  let clock = 0;
  let now: InterfaceTable = {};
  const live = liveNeighbourhood({ now: () => clock, interfaces: () => now });
  expect(live.isNearby('203.0.113.9')).toBe(false);
  now = table;
  clock = 1000;
  expect(live.isNearby('203.0.113.9')).toBe(true);
});

test('a system that does not tell its interfaces has none', () => {
  const refuse = (): never => {
    throw new Error('uv_interface_addresses returned 13');
  };
  expect(readInterfaces(refuse)).toEqual({});
  expect(liveNeighbourhood({ interfaces: refuse }).isNearby('127.0.0.1')).toBe(true);
});

test('link-local is fe80::/10 and nothing that only begins alike', () => {
  for (const address of ['fe80::1', 'FEBF::1%eth0', 'fe95:0::2']) {
    expect(isLinkLocal(address)).toBe(true);
  }
  for (const address of ['fe8::1', 'feb:1::2', 'fec0::1', 'fe80.example', '169.254.0.1']) {
    expect(isLinkLocal(address)).toBe(false);
  }
});

test('what leads to this machine alone, and what is in one of some networks', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '::2'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  const networks = ['192.168.1.20/24', 'fe80::20/64'];
  const asked = ['192.168.1.9', 'fe80::9', '192.168.2.9', 'no address'];
  expect(asked.map((one) => isInNetworks(networks, one))).toEqual([true, true, false, false]);
});
