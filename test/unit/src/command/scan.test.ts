import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { run } from '#src/command/scan.js';
import type { Context } from '#src/context.js';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';
import { announcement, hostileServer, idOf, loopbackOnly } from '../../discovery/loopback.js';

/** The notes of a scan in which one address answers as so many servers. */
async function notesFor(servers: number): Promise<string[]> {
  const ids = Array.from('0123456789AB').slice(0, servers).map(idOf);
  const server = await hostileServer(() =>
    ids.map((id) => encodeAnnouncement(announcement({ id }))),
  );
  onTestFinished(() => void server.close());
  const notes: string[] = [];
  const context = {
    stateFolder: await temporaryFolder(),
    settings: { udpPort: server.address().port, scanTimeout: 300, mdns: 'off' },
    signal: new AbortController().signal,
    interfaces: loopbackOnly,
    memory: {},
    view: {
      status: { draw: () => undefined },
      show: () => undefined,
      note: (text: string) => notes.push(text),
    },
  } as unknown as Context;
  await run(context, { options: {}, words: [] } as unknown as Parameters<typeof run>[1]);
  return notes.filter((note) => !note.startsWith('no network'));
}

test('who is left out because of a limit is told of', async () => {
  expect(await notesFor(8)).toEqual([]);
  expect(await notesFor(9)).toEqual([
    expect.stringMatching(/^more came than a scan keeps: \d+ left out, servers may be missing$/),
  ]);
});
