import { expect, test } from 'vitest';
import { readHolders } from '#src/doctor/ports.js';
import { fakeSystem } from './fake-system.js';

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const line = (place: string, state: string, inode: number): string =>
  `  17: ${place} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 2 0 0`;

const files = {
  '/proc/net/udp': [
    head,
    line('00000000:7530', '07', 11),
    line('00000000:14E9', '07', 12),
    '',
  ].join('\n'),
  '/proc/net/udp6': [head, line(`${'0'.repeat(32)}:7530`, '07', 13), ''].join('\n'),
  '/proc/net/tcp': [
    head,
    line('0100007F:7531', '01', 21),
    line('00000000:7531', '0A', 22),
    '',
  ].join('\n'),
  '/proc/40/comm': 'socat\n',
  '/proc/41/comm': 'a\u001b[2Jb\n',
  '/proc/self/comm': 'node\n',
};

test('who holds a port, over both families', async () => {
  const links = {
    '/proc/40/fd/3': 'socket:[11]',
    '/proc/40/fd/4': '/dev/null',
    '/proc/41/fd/7': 'socket:[13]',
    '/proc/self/fd/7': 'socket:[13]',
  };
  const found = await readHolders(fakeSystem({ files, links }), 'udp', 30_000);
  expect(found).toEqual({
    holders: [
      { pid: 40, program: 'socat' },
      { pid: 41, program: 'a\u001b[2Jb' },
    ],
    hidden: false,
  });
});

test('of TCP only what listens', async () => {
  const links = { '/proc/40/fd/3': 'socket:[21]', '/proc/41/fd/3': 'socket:[22]' };
  const found = await readHolders(fakeSystem({ files, links }), 'tcp', 30_001);
  expect(found.holders.map(({ pid }) => pid)).toEqual([41]);
});

test('a holder that this user may not see is hidden, not missing', async () => {
  const found = await readHolders(fakeSystem({ files }), 'udp', 30_000);
  expect(found).toEqual({ holders: [], hidden: true });
  expect(await readHolders(fakeSystem({ files }), 'udp', 9)).toEqual({
    holders: [],
    hidden: false,
  });
});
