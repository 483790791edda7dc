import { isVirtual } from '#discovery/virtual.js';
import { expect, test } from 'vitest';
import { maxTargets, targetsOf, waysTo } from '#discovery/targets.js';
import { entry } from './loopback.js';

const destinationsOf = (address: string, prefix: number) =>
  targetsOf({ eth0: [entry(address, prefix)] })[0]?.destinations;

test.each([
  ['192.168.1.20', 24, '192.168.1.255'],
  ['10.1.2.3', 8, '10.255.255.255'],
  ['172.16.5.4', 20, '172.16.15.255'],
  ['203.0.113.130', 25, '203.0.113.255'],
  ['198.51.100.1', 30, '198.51.100.3'],
  ['200.1.2.3', 1, '255.255.255.255'],
])('%s/%i is probed at %s and everywhere on the wire', (address, prefix, directed) => {
  expect(destinationsOf(address, prefix)).toEqual([directed, '255.255.255.255']);
});

test.each([0, 31, 32])('a /%i has no directed broadcast', (prefix) => {
  expect(destinationsOf('192.0.2.1', prefix)).toEqual(['255.255.255.255']);
});

test('loopback comes first and is asked by unicast and by its broadcast', () => {
  const targets = targetsOf({
    eth0: [entry('192.168.1.20', 24)],
    lo: [entry('127.0.0.1', 8, true), entry('10.9.9.9', 32, true)],
  });
  expect(targets.map(({ address }) => address)).toEqual(['127.0.0.1', '192.168.1.20']);
  expect(targets[0]).toMatchObject({
    loopback: true,
    destinations: ['127.0.0.1', '127.255.255.255'],
  });
});

test('every IPv4 address of every interface, each once, and then every link with IPv6', () => {
  const targets = targetsOf({
    eth0: [entry('192.168.1.20', 24), entry('fe80::1', 64), entry('192.168.1.21', 24)],
    'eth0:1': [entry('192.168.1.21', 24)],
    wlan0: [entry('192.168.1.30', 24)],
    down: undefined,
  });
  expect(targets.map(({ address }) => address)).toEqual([
    '192.168.1.20',
    '192.168.1.21',
    '192.168.1.30',
    'fe80::1%eth0',
  ]);
});

test('a link is probed at the group of discovery, once, from the address it belongs to', () => {
  const links = [entry('2001:db8::1', 64), entry('fe80::1', 64), entry('FEBF::2', 64)];
  const lo = [entry('::1', 128, true), entry('fe80::9', 64, true)];
  expect(targetsOf({ eth0: links, lo, tun0: [entry('fd00::1', 64)] })).toEqual([
    {
      interface: 'eth0',
      address: 'fe80::1%eth0',
      network: null,
      loopback: false,
      destinations: ['ff12::7530%eth0'],
    },
  ]);
});

test.each([
  ['192.168.1.77', '192.168.1.20'],
  ['192.168.1.200', '192.168.1.130'],
  ['127.0.0.9', '127.0.0.1'],
  ['192.168.2.1', null],
  ['fe80::7%wlan0', 'fe80::2%wlan0'],
  ['fe80::7%eth9', null],
  ['fd00::7', null],
])('%s is asked from %s', (address, from) => {
  const targets = targetsOf({
    lo: [entry('127.0.0.1', 8, true)],
    eth0: [entry('192.168.1.20', 24), entry('192.168.1.130', 25), entry('fe80::1', 64)],
    wlan0: [entry('203.0.113.1', 0), entry('fe80::2', 64)],
  });
  expect(waysTo(address, targets)).toEqual(from === null ? [] : [from]);
});

test('nothing up: nothing to do', () => {
  expect(targetsOf({})).toEqual([]);
});

test('a machine with hundreds of addresses still keeps to the limit, loopback among them', () => {
  const many = Array.from({ length: 300 }, (_, i) => entry(`10.0.${i >> 8}.${i & 255}`, 24));
  const targets = targetsOf({ eth0: many, lo: [entry('127.0.0.1', 8, true)] });
  expect(targets).toHaveLength(maxTargets);
  expect(targets[0]?.address).toBe('127.0.0.1');
});

test('two interfaces in one network are two ways', () => {
  const two = targetsOf({ eth0: [entry('10.0.0.1', 24)], wlan0: [entry('10.0.0.2', 24)] });
  expect(waysTo('10.0.0.9', two)).toEqual(['10.0.0.1', '10.0.0.2']);
});

test.each([
  ['vEthernet (WSL (Hyper-V firewall))', true],
  ['vEthernet (Default Switch)', true],
  ['vEthernet (nat)', true],
  // An external switch of Hyper-V: it has the address of the real network.
  ['vEthernet (Ethernet)', false],
  ['vEthernet (native network)', false],
  ['docker0', true],
  ['eth0', false],
])('leads only to what is inside this machine: %s', (name, virtual) => {
  expect(isVirtual(name)).toBe(virtual);
});
