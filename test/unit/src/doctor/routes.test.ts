import { expect, test } from 'vitest';
import { readDefaultRoutes, readNeighbours } from '#src/doctor/routes.js';
import { fakeSystem } from './fake-system.js';

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';

test('default routes, best first, the gateway in the usual order', async () => {
  const route = [
    head,
    'wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
    'eth0\t00000000\tFE00000A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0',
    'wg0\t00000000\t00000000\t0001\t0\t0\t900\t00000000\t0\t0\t0',
    '',
  ].join('\n');
  expect(await readDefaultRoutes(fakeSystem({ files: { '/proc/net/route': route } }))).toEqual([
    { interface: 'eth0', gateway: '10.0.0.254' },
    { interface: 'wlan0', gateway: '192.168.1.1' },
    { interface: 'wg0', gateway: null },
  ]);
});

test('none is not the same as not knowing', async () => {
  const files = { '/proc/net/route': `${head}\n` };
  expect(await readDefaultRoutes(fakeSystem({ files }))).toEqual([]);
  expect(await readDefaultRoutes(fakeSystem({}))).toBeNull();
});

test('neighbours are those whose hardware address was learned', async () => {
  const arp = [
    'IP address       HW type     Flags       HW address            Mask     Device',
    '10.0.0.1         0x1         0x2         aa:bb:cc:dd:ee:01     *        eth0',
    '10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0',
    '10.0.1.3         0x1         0x6         aa:bb:cc:dd:ee:03     *        eth1',
    '',
  ].join('\n');
  const found = await readNeighbours(fakeSystem({ files: { '/proc/net/arp': arp } }));
  expect([...(found ?? [])]).toEqual([
    ['eth0', ['10.0.0.1']],
    ['eth1', ['10.0.1.3']],
  ]);
  expect(await readNeighbours(fakeSystem({}))).toBeNull();
});
