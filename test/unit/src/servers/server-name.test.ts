import { startResponder } from '#discovery/responder.js';
import { addPeer, noteSeen } from '#sharing/device.js';
import type { Context } from '#src/context.js';
import { describe, expect, test } from 'vitest';
import { ProgramError } from '#src/failure.js';
import { findServer, parseServer } from '#src/servers/server-name.js';
import { freePort } from '../../../support/ports.js';
import { temporaryFolder } from '../../../support/temporary.js';
import { loopbackOnly } from '../../discovery/loopback.js';

/** What a search for a server takes: a state, and a port on loopback. */
function contextOf(stateFolder: string, udpPort: number): Context {
  return {
    settings: { udpPort, tcpPort: 30_001, scanTimeout: 300, mdns: 'off' },
    signal: new AbortController().signal,
    interfaces: loopbackOnly,
    stateFolder,
    memory: { scanned: [] },
  } as unknown as Context;
}

test.each<[string, string, number | undefined]>([
  ['amber', 'amber', undefined],
  ['amber.local', 'amber.local', undefined],
  ['amber:30001', 'amber', 30_001],
  ['192.168.1.20', '192.168.1.20', undefined],
  ['192.168.1.20:1', '192.168.1.20', 1],
  ['192.168.1.20:65535', '192.168.1.20', 65_535],
  ['::1', '::1', undefined],
  ['fe80::1%eth0', 'fe80::1%eth0', undefined],
  ['[::1]', '::1', undefined],
  ['[::1]:30001', '::1', 30_001],
  ['[fe80::1%eth0]:30001', 'fe80::1%eth0', 30_001],
  ['amber:007', 'amber', 7],
])('%s', (typed, host, port) => {
  expect(parseServer(typed)).toEqual({ host, port });
});

test('the port may be a word of its own', () => {
  expect(parseServer('amber', '30001')).toEqual({ host: 'amber', port: 30_001 });
  expect(parseServer('fe80::1%eth0', '30001')).toEqual({ host: 'fe80::1%eth0', port: 30_001 });
});

test.each(['0', '65536', '100000', '-1', '1.5', '1e3', '0x10', ' 1', '', 'http', '٣'])(
  '"%s" is not a port',
  (port) => {
    expect(() => parseServer('amber', port)).toThrow(ProgramError);
    expect(() => parseServer(`amber:${port}`)).toThrow(/is not a port$/);
    expect(() => parseServer(`[::1]:${port}`)).toThrow(/is not a port$/);
  },
);

test('a link-local address means nothing without its interface', () => {
  expect(() => parseServer('fe80::1')).toThrow('through which interface?');
  expect(() => parseServer('[FEBF::1]:30001')).toThrow('through which interface?');
});

test('no server at all', () => {
  expect(() => parseServer('')).toThrow('is no server');
});

test('what was typed is quoted', () => {
  expect(() => parseServer('amber', '\u001b[2J')).toThrow('"\\u{1b}[2J" is not a port');
});

test.each([
  ['known', true],
  ['unknown', false],
])('a name whose key is %s is found', async (_, isKnown) => {
  const stateFolder = await temporaryFolder();
  const udpPort = await freePort('udp');
  const id = 'A'.repeat(52);
  if (isKnown)
    await addPeer(stateFolder, { id, name: 'amber', rights: [], how: 'code' }, new Date());
  await using _responder = await startResponder({
    port: udpPort,
    announcement: () => ({ id, run: 'a'.repeat(8), name: 'amber', port: 40_001, code: true }),
    interfaces: loopbackOnly,
    observe: () => undefined,
  });
  const memory = { scanned: [] };
  const context = {
    settings: { udpPort, tcpPort: 30_001, scanTimeout: 1500, mdns: 'off' },
    signal: new AbortController().signal,
    interfaces: loopbackOnly,
    stateFolder,
    memory,
  } as unknown as Context;
  expect(await findServer(context, { host: 'amber', port: undefined })).toMatchObject({
    hosts: ['127.0.0.1'],
    port: 40_001,
    expectedId: id,
  });
  // Only a whole scan is remembered.
  expect(memory.scanned).toHaveLength(isKnown ? 0 : 1);
});

describe('a known peer, who is away, and a stranger of that name', () => {
  const knownId = 'A'.repeat(52);

  /** Looks for a name while a stranger says that it is called so too. */
  async function found(typed: string, ...known: readonly string[]) {
    const stateFolder = await temporaryFolder();
    const udpPort = await freePort('udp');
    for (const [at, name] of known.entries()) {
      const id = at === 0 ? knownId : `${'B'.repeat(50)}${at}A`;
      await addPeer(stateFolder, { id, name, rights: [], how: 'id' }, new Date());
    }
    await using _stranger = await startResponder({
      port: udpPort,
      announcement: () => ({
        id: `${'C'.repeat(51)}A`,
        run: 'a'.repeat(8),
        name: typed,
        port: 40_001,
        code: false,
      }),
      interfaces: loopbackOnly,
      observe: () => undefined,
    });
    await noteSeen(stateFolder, {
      id: knownId,
      name: 'amber',
      host: '127.0.0.1',
      others: [],
      port: 4001,
    });
    const context = contextOf(stateFolder, udpPort);
    return await findServer(context, { host: typed, port: undefined });
  }

  test.each([
    ['Amber', 'amber'],
    ['amber', 'Amber'],
    ['ZOE\u0308', 'zo\u00eb'],
    ['zoe\u0308', 'zo\u00eb'],
  ])('"%s" means "%s", whom this machine knows', async (typed, known) => {
    expect(await found(typed, known)).toEqual({
      hosts: ['127.0.0.1'],
      port: 4001,
      expectedId: knownId,
    });
  });

  test('of two who are called alike the spelling decides, and another spelling is refused', async () => {
    expect(await found('amber', 'amber', 'Amber')).toMatchObject({ expectedId: knownId });
    await expect(found('AMBER', 'amber', 'Amber')).rejects.toMatchObject({
      code: 'ambiguous-name',
      message: '"AMBER" may be Amber or amber',
    });
  });
});

test('where a known peer is nowhere, another one of its name is told with its place', async () => {
  const [stateFolder, udpPort] = [await temporaryFolder(), await freePort('udp')];
  const peer = { id: 'A'.repeat(52), name: 'amber', rights: [], how: 'id' } as const;
  await addPeer(stateFolder, peer, new Date());
  const other = { id: `${'C'.repeat(51)}A`, run: 'a'.repeat(8), name: 'amber', code: false };
  await using _responder = await startResponder({
    port: udpPort,
    announcement: () => ({ ...other, port: 40_001 }),
    interfaces: loopbackOnly,
    observe: () => undefined,
  });
  const context = contextOf(stateFolder, udpPort);
  await expect(findServer(context, { host: 'amber', port: undefined })).rejects.toMatchObject({
    code: 'nobody-found',
    hint: expect.stringContaining('127.0.0.1:40001 (CCCC-CCCC-CCCC-CCCC)') as string,
  });
});

test.each([
  [0, 30_001],
  [4000, 4000],
])('with the port %i in the settings an address is dialled at %i', async (tcpPort, port) => {
  const context = { settings: { tcpPort } } as unknown as Context;
  const typed = { host: '10.0.0.9', port: undefined };
  expect(await findServer(context, typed)).toEqual({ hosts: ['10.0.0.9'], port });
});
