import { expect, test } from 'vitest';
import { readLinks, type LinkKind } from '#src/doctor/links.js';
import { entry } from '../../discovery/loopback.js';
import { fakeSystem } from './fake-system.js';

const dev = (...names: string[]): string =>
  ['Inter-|   Receive', ' face |bytes', ...names.map((name) => `  ${name}: 0 0 0`), ''].join('\n');

function sys(name: string, facts: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(facts).map(([file, text]) => [
    `/sys/class/net/${name}/${file}`,
    text,
  ]);
  return Object.fromEntries(named) as Record<string, string>;
}

test.each<[string, Record<string, string>, LinkKind]>([
  ['enp3s0', { type: '1\n', uevent: 'INTERFACE=enp3s0\n' }, 'wired'],
  ['eth0', {}, 'wired'],
  ['wlp2s0', { type: '1\n', uevent: 'DEVTYPE=wlan\nINTERFACE=wlp2s0\n' }, 'wireless'],
  ['radio', { type: '1\n', uevent: 'DEVTYPE=wlan\n' }, 'wireless'],
  ['Wi-Fi', {}, 'wireless'],
  ['br0', { type: '1\n', uevent: 'DEVTYPE=bridge\nINTERFACE=br0\n' }, 'bridge'],
  ['tun0', { type: '65534\n', uevent: '' }, 'vpn'],
  ['home', { type: '65534\n', uevent: 'DEVTYPE=wireguard\n' }, 'vpn'],
  ['tailscale0', { type: '65534\n' }, 'vpn'],
  ['utun3', {}, 'vpn'],
  ['ppp0', { type: '512\n' }, 'vpn'],
  ['docker0', { type: '1\n', uevent: 'DEVTYPE=bridge\n' }, 'container'],
  ['br-0123456789ab', { type: '1\n', uevent: 'DEVTYPE=bridge\n' }, 'container'],
  ['cni0', { type: '1\n' }, 'container'],
  ['lo', { type: '772\n' }, 'loopback'],
  ['ib0', { type: '32\n' }, 'other'],
])('%s with %j is %s', async (name, facts, kind) => {
  const system = fakeSystem({ files: { '/proc/net/dev': dev(name), ...sys(name, facts) } });
  expect(await readLinks(system, {})).toMatchObject([{ name, kind }]);
});

test.each<[LinkKind, string, string[]]>([
  ['container', 'a machine', ['lo', 'eth0', 'veth1']],
  ['container', 'a machine without a card', ['lo', 'docker0', 'veth1']],
  ['wired', 'a network namespace', ['lo', 'tunl0', 'veth1', 'veth2']],
])('the end of a pair is %s in %s', async (kind, _, names) => {
  const files = { '/proc/net/dev': dev(...names), ...sys('lo', { type: '772\n' }) };
  const links = await readLinks(fakeSystem({ files }), {});
  expect(links.find(({ name }) => name === 'veth1')).toMatchObject({ kind });
});

test('up, carrier and addresses: of the system where it tells, else of what it gave', async () => {
  const files = {
    '/proc/net/dev': dev('e0', 'e1', 'e2', 'lo'),
    ...sys('e0', { flags: '0x1003\n', carrier: '0\n' }),
    ...sys('e1', { flags: '0x1002\n' }),
    ...sys('e2', { flags: '0x1003\n', carrier: '1\n' }),
  };
  const table = {
    lo: [entry('127.0.0.1', 8, true)],
    e2: [entry('fe80::1', 64), entry('10.0.0.1', 8)],
  };
  const links = await readLinks(fakeSystem({ files }), table);
  expect(Object.fromEntries(links.map(({ name, ...rest }) => [name, rest]))).toEqual({
    e0: { kind: 'wired', up: true, carrier: false, addresses: [] },
    e1: { kind: 'wired', up: false, carrier: null, addresses: [] },
    e2: { kind: 'wired', up: true, carrier: true, addresses: ['10.0.0.1/8', 'fe80::1/64'] },
    lo: { kind: 'loopback', up: true, carrier: true, addresses: ['127.0.0.1/8'] },
  });
});

test('where there is no /proc the interfaces with addresses are all there is', async () => {
  const links = await readLinks(fakeSystem({}), { Ethernet: [entry('10.0.0.1', 24)] });
  expect(links).toEqual([
    { name: 'Ethernet', kind: 'wired', up: true, carrier: true, addresses: ['10.0.0.1/24'] },
  ]);
});
