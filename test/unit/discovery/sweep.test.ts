import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { sweep, sweepHosts } from '#discovery/sweep.js';
import type { Destination } from '#discovery/probing.js';
import { entry } from './loopback.js';

test('every host of the own network but the own address, the network and its broadcast', () => {
  const hosts = sweepHosts({ eth0: [entry('192.168.1.20', 24)] });
  expect(hosts).toHaveLength(253);
  expect([hosts[0], hosts.at(-1)]).toEqual(['192.168.1.1', '192.168.1.254']);
  expect(hosts).not.toContain('192.168.1.20');
});

test.each([
  ['10.0.0.1', 30, ['10.0.0.2']],
  ['10.0.0.5', 31, ['10.0.0.4']],
  ['10.0.0.1', 32, []],
  ['172.31.255.254', 29, ['249', '250', '251', '252', '253'].map((last) => `172.31.255.${last}`)],
  ['10.0.0.1', 23, []],
  ['203.0.113.1', 24, []],
  ['127.0.0.2', 24, []],
  ['fd00::1', 120, []],
])('%s/%i', (address, prefix, hosts) => {
  expect(sweepHosts({ eth0: [entry(address, prefix)] })).toEqual(hosts);
});

test('loopback has nobody else', () => {
  expect(sweepHosts({ lo: [entry('10.0.0.1', 24, true)] })).toEqual([]);
});

test('a network that two interfaces share is swept once, and not at our other address', () => {
  const hosts = sweepHosts({
    eth0: [entry('192.168.1.20', 24)],
    wlan0: [entry('192.168.1.21', 24)],
  });
  expect(hosts).toHaveLength(252);
  expect(new Set(hosts).size).toBe(252);
});

test('networks inside this machine come last', () => {
  const inside = ['docker0', 'virbr0', 'br-0123456789ab', 'veth12', 'vmnet8'].map((name, i) => {
    return [name, [entry(`172.20.${i}.1`, 30)]] as [string, NetworkInterfaceInfo[]];
  });
  const outside = ['eth0', 'wlan0', 'br0'].map((name, i) => {
    return [name, [entry(`10.0.${i}.1`, 30)]] as [string, NetworkInterfaceInfo[]];
  });
  const hosts = sweepHosts(Object.fromEntries([...inside, ...outside]));
  expect(hosts).toEqual(['10.0.0.2', '10.0.1.2', '10.0.2.2', '172.20.0.2']);
});

test('four networks are enough', () => {
  const many = Array.from({ length: 9 }, (_, i) => entry(`10.0.${i}.1`, 24));
  const hosts = sweepHosts({ eth0: many });
  expect(hosts).toHaveLength(4 * 253);
  expect(hosts.every((host) => /^10\.0\.[0-3]\./.test(host))).toBe(true);
});

test('asks in groups of 16 and stops between them', async () => {
  const stop = new AbortController();
  const groups: (readonly Destination[])[] = [];
  const ask = (group: readonly Destination[]): Promise<void> => {
    groups.push(group);
    if (groups.length === 3) stop.abort();
    // A socket that never takes them holds nothing up.
    return new Promise(() => undefined);
  };
  const hosts = sweepHosts({ eth0: [entry('192.168.1.20', 24)] });
  await sweep({ hosts, port: 30000, ask, signal: stop.signal });
  expect(groups.map((group) => group.length)).toEqual([16, 16, 16]);
  expect(groups.flat().map(({ address }) => address)).toEqual(hosts.slice(0, 48));
  expect(groups[0]![0]).toEqual({ address: '192.168.1.1', port: 30000 });
});
