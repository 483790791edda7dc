import type { FoundServer } from '#discovery/scanner.js';
import { noteSeen } from '#sharing/device.js';
import type { Context } from '#src/context.js';
import { foundServers, reachedBefore } from '#src/servers/found-servers.js';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';
import { loopbackOnly } from '../../discovery/loopback.js';

const amber: FoundServer = {
  id: 'A'.repeat(52),
  run: 'run00000',
  name: 'amber',
  port: 30_001,
  addresses: ['10.0.0.2'],
  code: true,
  marks: [],
};

test('a server that was started again stands once, as it is now', () => {
  const found = foundServers();
  found.take({ kind: 'server', server: amber });
  const again = { ...amber, run: 'run00001', port: 30_002 };
  found.take({ kind: 'replaced', server: again, previous: amber });
  expect(found.all()).toEqual([again]);
});

test('who copies id, run and name of a server does not take its row', () => {
  const found = foundServers();
  const copy: FoundServer = { ...amber, port: 6666, addresses: ['10.0.0.66'], marks: ['conflict'] };
  const marked: FoundServer = { ...amber, marks: ['conflict'] };
  found.take({ kind: 'server', server: amber });
  found.take({ kind: 'server', server: copy });
  found.take({ kind: 'replaced', server: marked, previous: amber });
  const moved = { ...copy, addresses: ['10.0.0.66', '10.0.0.67'] };
  found.take({ kind: 'address', server: moved, address: '10.0.0.67' });
  expect(found.all()).toHaveLength(2);
  expect(found.all()).toEqual(expect.arrayContaining([marked, moved]));
});

test('two old servers of one name are two', () => {
  const found = foundServers();
  const old = { ...amber, id: null, run: null, code: null };
  found.take({ kind: 'server', server: old });
  found.take({ kind: 'server', server: { ...old, addresses: ['10.0.0.3'] } });
  expect(found.all()).toHaveLength(2);
});

test('who was reached by one way is asked by the others too, those last', async () => {
  const stateFolder = await temporaryFolder();
  const seen = { id: 'A'.repeat(52), name: 'amber', port: 30_001 };
  const others = ['10.0.0.2'];
  await noteSeen(stateFolder, { ...seen, id: 'B'.repeat(52), host: '10.0.0.3', others: [] });
  await noteSeen(stateFolder, { ...seen, host: 'fe80::2%eth0', others });
  const context = { stateFolder, interfaces: loopbackOnly } as Context;
  const asked = await reachedBefore(context);
  expect(asked).toEqual(['fe80::2%eth0', '10.0.0.3', '10.0.0.2']);
});
