import { startResponder } from '#discovery/responder.js';
import { addPeer, noteSeen } from '#sharing/device.js';
import { expect, test, vi } from 'vitest';
import type { Context } from '#src/context.js';
import { onlyServer } from '#src/servers/only-server.js';
import { temporaryFolder } from '../../../support/temporary.js';
import { freePort } from '../../../support/ports.js';
import { loopbackOnly } from '../../../support/terminal-session.js';

const idA = 'A'.repeat(52);
const idB = `${'B'.repeat(51)}A`;

interface Scanned {
  readonly name: string;
  readonly id: string | null;
  readonly addresses: readonly string[];
  readonly port?: number;
}

async function open(...scanned: readonly Scanned[]) {
  const stateFolder = await temporaryFolder();
  const settings = {
    udpPort: await freePort('udp'),
    scanTimeout: 300,
    mdns: 'off',
    tcpPort: 30_001,
  };
  const context = {
    stateFolder,
    settings,
    signal: new AbortController().signal,
    interfaces: () => loopbackOnly,
    view: { status: { draw: vi.fn() } },
    memory: { scanned: scanned.map((one) => ({ port: 4000, ...one })) },
  };
  const { udpPort } = settings;
  return { stateFolder, udpPort, find: () => onlyServer(context as unknown as Context) };
}

const amber = { name: 'amber', id: idA, addresses: ['10.0.0.1', '10.0.0.2'] };
const birch = { name: 'birch', id: idB, addresses: ['10.0.0.3'] };

test('the only server that was found is meant, by its key', async () => {
  const { find } = await open(amber, { ...birch, addresses: [] });
  expect(await find()).toMatchObject({
    hosts: ['10.0.0.1', '10.0.0.2'],
    port: 4000,
    expectedId: idA,
  });
});

test('where it was found before, it need not be any more: it is looked for once more', async () => {
  const { find, udpPort } = await open(amber);
  await using _responder = await startResponder({
    port: udpPort,
    announcement: () => ({ id: idA, run: 'a'.repeat(8), name: 'amber', port: 4001, code: true }),
    interfaces: () => loopbackOnly,
    observe: () => undefined,
  });
  const { searchAgain } = await find();
  expect(await searchAgain?.()).toMatchObject({
    hosts: ['127.0.0.1'],
    port: 4001,
    expectedId: idA,
  });
});

test('several servers of one machine are told apart by their port', async () => {
  const { find } = await open(amber, { ...amber, port: 4001 }, birch);
  await expect(find()).rejects.toMatchObject({
    message: 'there are 3 servers',
    hint: 'connect to one of: amber:4000, amber:4001, birch',
  });
});

test('machines of one name are told apart by their address, for the name would be refused', async () => {
  const { find } = await open(amber, { ...birch, name: 'amber', addresses: ['fe80::1%eth0'] });
  await expect(find()).rejects.toMatchObject({
    hint: 'connect to one of: 10.0.0.1:4000, [fe80::1%eth0]:4000',
  });
});

test('of several, all are named: as this machine knows them, and fit for a screen', async () => {
  const { find, stateFolder } = await open(amber, { ...birch, name: 'b\u001b[2J' });
  await addPeer(stateFolder, { id: idA, name: 'attic', rights: [], how: 'id' }, new Date());
  await expect(find()).rejects.toMatchObject({
    code: 'ambiguous-name',
    hint: 'connect to one of: attic, b\\u{1b}[2J',
  });
});

test('of very many, some are named', async () => {
  const many = Array.from({ length: 12 }, (_, at) => ({ ...amber, id: null, name: `s${10 + at}` }));
  const { find } = await open(...many);
  await expect(find()).rejects.toMatchObject({
    hint: 'connect to one of: s10, s11, s12, s13, s14, s15, s16, s17, and 4 more',
  });
});

test('when none is found, the only one that was reached before is tried where it was', async () => {
  const { find, stateFolder } = await open();
  await expect(find()).rejects.toMatchObject({ code: 'nobody-found' });
  await addPeer(stateFolder, { id: idA, name: 'attic', rights: [], how: 'id' }, new Date());
  // One that only brings files to us was never reached.
  await expect(find()).rejects.toMatchObject({ code: 'nobody-found' });
  await noteSeen(stateFolder, {
    id: idA,
    name: 'attic',
    host: '127.0.0.1',
    others: [],
    port: 4001,
  });
  expect(await find()).toEqual({ hosts: ['127.0.0.1'], port: 4001, expectedId: idA });
});
