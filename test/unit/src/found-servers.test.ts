import type { FoundServer } from '#discovery/scanner.js';
import { foundServers } from '#src/found-servers.js';
import { expect, test } from 'vitest';

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

test('two old servers of one name are two', () => {
  const found = foundServers();
  const old = { ...amber, id: null, run: null, code: null };
  found.take({ kind: 'server', server: old });
  found.take({ kind: 'server', server: { ...old, addresses: ['10.0.0.3'] } });
  expect(found.all()).toHaveLength(2);
});
