import { expect, test, vi } from 'vitest';
import type { Context } from '#src/context.js';
import { findOwn } from '#src/servers/own-server.js';
import { announceRunning } from '#src/servers/running.js';
import { freePort, hold } from '../../../support/ports.js';
import { temporaryFolder } from '../../../support/temporary.js';

const usual = { kind: 'default' } as const;
const inFile = { kind: 'file', path: 'config.json' } as const;

/** Servers of one user at these ports; every process number is in use. */
async function serversAt(...ports: readonly number[]) {
  const stateFolder = await temporaryFolder();
  for (const [at, port] of ports.entries()) {
    const running = { pid: 71 + at, name: 'amber', port, udpPort: 30_000, folder: '/srv/share' };
    await announceRunning(stateFolder, running);
  }
  const note = vi.fn<(text: string) => void>();
  const find = (tcpPort = 30_001, origin: typeof usual | typeof inFile = usual) =>
    findOwn({
      stateFolder,
      isAlive: () => true,
      settings: { tcpPort },
      origins: { tcpPort: origin },
      signal: new AbortController().signal,
      view: { note },
      ask: undefined,
    } as unknown as Context);
  return { find, note };
}

test('the port 0 of the settings names no server', async () => {
  await using living = await hold('silent', 0);
  const { port } = living;
  const { find } = await serversAt(port);
  expect(await find(0, inFile)).toMatchObject({ port });
  expect(await find(port, inFile)).toMatchObject({ port });
});

test('where none listens at the port that is meant, it is said at which some do', async () => {
  await using living = await hold('silent', 0);
  const { port } = living;
  const { find } = await serversAt(port);
  await expect(find(port + 1, inFile)).rejects.toMatchObject({
    code: 'nobody-found',
    message: `no server of yours listens on port ${port + 1}`,
    hint: `one does on ${port}`,
  });
});

test('one that crashed is none, whoever has its process number now', async () => {
  const { find } = await serversAt(await freePort('tcp'));
  const missing = { code: 'nobody-found', message: 'no server of yours is running' };
  await expect(find()).rejects.toMatchObject(missing);
  await expect(find(4000, inFile)).rejects.toMatchObject(missing);
});

test('one that crashed is none of several, whoever has its process number now', async () => {
  await using living = await hold('silent', 0);
  const { find, note } = await serversAt(await freePort('tcp'), living.port);
  expect(await find()).toMatchObject({ port: living.port });
  expect(note).not.toHaveBeenCalled();
});

test('several that run are told apart by their ports', async () => {
  await using one = await hold('tcp', 0);
  await using other = await hold('tcp', 0);
  const { find, note } = await serversAt(one.port, other.port);
  await expect(find()).rejects.toMatchObject({ code: 'usage', hint: 'choose one with --tcp-port' });
  expect(note.mock.lastCall?.[0]).toContain(String(other.port));
  expect(await find(other.port, inFile)).toMatchObject({ port: other.port });
});
