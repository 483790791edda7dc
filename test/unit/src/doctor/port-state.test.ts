import { expect, test } from 'vitest';
import type { OpenedSocket, OpenSocket } from '#discovery/socket.js';
import { readPort } from '#src/doctor/port-state.js';
import { fakeSystem } from './fake-system.js';

/** A system where a port of IPv4 is had by somebody who shares it or not; `refused` cannot be bound at all. */
function sockets(shared: boolean, refused: readonly string[] = []) {
  const bound: string[] = [];
  const open: OpenSocket = ({ address, reuseAddr }) => {
    bound.push(`${address}${reuseAddr ? ' shared' : ''}`);
    if (refused.includes(address)) return Promise.resolve({ ok: false, code: 'EADDRNOTAVAIL' });
    const isFree = address === '::' || (shared && reuseAddr);
    if (!isFree) return Promise.resolve({ ok: false, code: 'EADDRINUSE' });
    const socket = { [Symbol.asyncDispose]: () => Promise.resolve() };
    return Promise.resolve({ ok: true, socket } as unknown as OpenedSocket);
  };
  return { open, bound };
}

test.each(['darwin', 'win32'] as const)(
  'where nothing can be bound to the broadcast address: %s',
  async (platform) => {
    const system = fakeSystem({ system: { platform } });
    for (const [shared, state] of [
      [true, 'shared'],
      [false, 'held'],
    ] as const) {
      const { open, bound } = sockets(shared, ['255.255.255.255']);
      const found = await readPort(system, 'udp', 30_000, open);
      expect(found).toMatchObject({ state, openOverIPv6: !shared });
      expect(bound).toContain('0.0.0.0 shared');
    }
  },
);

test('on Linux no datagram is taken from who shares the port, not for a moment, nor over IPv6', async () => {
  const { open, bound } = sockets(true);
  const found = await readPort(fakeSystem({}), 'udp', 30_000, open);
  expect(found.state).toBe('shared');
  expect(bound).toEqual(['0.0.0.0', '255.255.255.255 shared']);
});
