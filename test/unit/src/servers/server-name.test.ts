import { startResponder } from '#discovery/responder.js';
import type { FoundServer, Mark } from '#discovery/scanner.js';
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
  if (isKnown) {
    await addPeer(stateFolder, { id, name: 'amber', rights: [], how: 'code' }, new Date());
    await noteSeen(stateFolder, { id, name: 'amber', host: '10.0.0.2', port: 40_001, others: [] });
  }
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
  // Only a whole scan is remembered; one who was met at that port needs none.
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

describe('two servers of one machine', () => {
  const id = 'A'.repeat(52);
  const row = (port: number, ...marks: readonly Mark[]): FoundServer => ({
    ...{ id, run: `run0${port}`, name: 'amber', port, addresses: ['10.0.0.2'] },
    ...{ code: true, marks },
  });

  /** One of them; `jitter` of its answers from 0 to 1. */
  const answers = (udpPort: number, port: number, jitter = 0) =>
    startResponder({
      port: udpPort,
      announcement: () => ({ id, run: `run0${port}`, name: 'amber', port, code: true }),
      random: () => jitter,
      interfaces: loopbackOnly,
      observe: () => undefined,
    });

  /** Whom a name means after a scan that showed `rows`, when the server was met at `met` before. */
  async function meant(
    rows: readonly FoundServer[],
    { met, port }: { readonly met?: number; readonly port?: number } = {},
  ) {
    const stateFolder = await temporaryFolder();
    if (met !== undefined) {
      await noteSeen(stateFolder, { id, name: 'amber', host: '10.0.0.2', port: met, others: [] });
    }
    const context = contextOf(stateFolder, 1);
    context.memory.scanned = rows;
    return await findServer(context, { host: 'amber', port });
  }

  test('are told apart by a port, and without one the name is refused', async () => {
    const rows = [row(4000), row(4001)];
    expect(await meant(rows, { port: 4001 })).toMatchObject({ port: 4001 });
    await expect(meant(rows)).rejects.toMatchObject({
      code: 'ambiguous-name',
      message: 'there are 2 servers of "amber"',
      hint: 'name one of them: amber:4000, amber:4001',
    });
  });

  test.each([4000, 4001])('the one that was met last at %i is meant, and no other', async (met) => {
    const found = await meant([row(4000), row(4001)], { met });
    expect(found).toMatchObject({ port: met, hosts: ['10.0.0.2'] });
    expect(found.further).toBeUndefined();
  });

  test.each([4000, 4001])('the search for a known one ends with that at %i', async (met) => {
    const [stateFolder, udpPort] = [await temporaryFolder(), await freePort('udp')];
    const place = { name: 'amber', host: '10.0.0.2', port: met, others: [] };
    await addPeer(stateFolder, { id, name: 'amber', rights: [], how: 'id' }, new Date());
    await noteSeen(stateFolder, { id, ...place });
    // The other one answers sooner.
    await using _one = await answers(udpPort, 4000, met === 4000 ? 0.99 : 0);
    await using _other = await answers(udpPort, 4001, met === 4001 ? 0.99 : 0);
    const typed = { host: 'amber', port: undefined };
    const begun = performance.now();
    expect(await findServer(contextOf(stateFolder, udpPort), typed)).toMatchObject({ port: met });
    expect(performance.now() - begun).toBeLessThan(300);
  });

  test('the search for one that was never met finds all of them', async () => {
    const [stateFolder, udpPort] = [await temporaryFolder(), await freePort('udp')];
    await addPeer(stateFolder, { id, name: 'amber', rights: [], how: 'id' }, new Date());
    await using _one = await answers(udpPort, 4000);
    await using _other = await answers(udpPort, 4001, 0.99);
    const typed = { host: 'amber', port: undefined };
    await expect(findServer(contextOf(stateFolder, udpPort), typed)).rejects.toMatchObject({
      hint: 'name one of them: amber:4000, amber:4001',
    });
  });

  test('when it is not there, the only other is taken, and of two others none', async () => {
    expect(await meant([row(4001)], { met: 4000 })).toMatchObject({ port: 4001 });
    await expect(meant([row(4001), row(4002)], { met: 4000 })).rejects.toMatchObject({
      hint: 'name one of them: amber:4001, amber:4002',
    });
  });

  test('where one was, the others are not taken for it', async () => {
    const [stateFolder, udpPort] = [await temporaryFolder(), await freePort('udp')];
    await noteSeen(stateFolder, { id, name: 'amber', host: '10.0.0.2', port: 4000, others: [] });
    const context = contextOf(stateFolder, udpPort);
    context.memory.scanned = [row(4000)];
    await using _second = await answers(udpPort, 4001);
    await using _third = await answers(udpPort, 4002);
    const { searchAgain } = await findServer(context, { host: 'amber', port: undefined });
    const again = await searchAgain?.();
    expect(again?.further).not.toHaveLength(0);
    for (const { port } of [again!, ...(again?.further ?? [])]) expect(port).toBe(4000);
  });

  test.each<Mark>(['conflict', 'twin'])('of a %s the key tells which', async (mark) => {
    expect(await meant([row(4000, mark), row(4001, mark)])).toMatchObject({ port: 4000 });
  });

  test('what is only said of it by mDNS makes no second one', async () => {
    expect(await meant([row(4000, 'mdns'), row(4001)])).toMatchObject({ port: 4001 });
  });

  test('of other names are never taken for one another', async () => {
    const birch = { ...row(4001), name: 'birch' };
    expect(await meant([birch, row(4000)], { met: 4001 })).toEqual({
      hosts: ['10.0.0.2'],
      port: 4000,
      onlyPort: 4000,
      expectedId: id,
      searchAgain: expect.any(Function) as unknown,
    });
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
