import { expect, test } from 'vitest';
import { nearest } from '#config/nearest.js';
import { settingKeys } from '#config/settings.js';

test.each([
  ['udpPrt', 'udpPort'],
  ['udp_port', 'udpPort'],
  ['UDPPORT', 'udpPort'],
  ['tcp-prot', 'tcpPort'],
  ['nmae', 'name'],
  ['colour', 'color'],
  ['maxClient', 'maxClients'],
  ['maxClientPerAddress', 'maxClientsPerAddress'],
  ['hartbeat', 'heartbeat'],
  ['serverDir', undefined],
  ['', undefined],
  ['zzz', undefined],
  ['x'.repeat(1_000_000), undefined],
])('%.20s was meant as %s', (given, meant) => {
  expect(nearest(given, settingKeys)).toBe(meant);
});

test('the nearer candidate wins, the first of equals', () => {
  expect(nearest('abcdef', ['abcdxx', 'abcdex', 'abcdey'])).toBe('abcdex');
});

test('of a long name a few characters may be wrong, and not a third of it', () => {
  const long = 'a photo of the whole family by the sea in the summer of 2025.jpg';
  const wrong = (count: number): string => 'x'.repeat(count) + long.slice(count);
  expect(nearest(wrong(8), [long])).toBe(long);
  expect(nearest(wrong(9), [long])).toBeUndefined();
  expect(nearest(long.replace('sea', 'esa').replace('of t', 'fo t'), ['b', long])).toBe(long);
});
