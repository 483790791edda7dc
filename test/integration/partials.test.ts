import { keptTransfers } from '#sharing/local.js';
import { openHonest, openParties, partialsIn, serveShare } from '../support/served-share.js';
import { openMachine } from '../support/terminal-session.js';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { getOne } from '../support/one-file.js';

test('what broke off is shown, goes on or is removed; what is under way is left alone', async () => {
  await using parties = await openParties();
  await using served = await serveShare(parties, { maxFileSize: 2 ** 40 });
  await writeFile(join(served.folder, 'long.bin'), '');
  await truncate(join(served.folder, 'long.bin'), 2048 * 1024 ** 2);
  await using session = await openHonest(parties.owner, served.port, { maxFileSize: 2 ** 40 });
  const into = { folder: served.received, receivedPrefix: 'new_' };
  const stop = new AbortController();
  let held: Promise<unknown> | undefined;
  const broken = getOne(session, 'long.bin', {
    ...into,
    signal: stop.signal,
    onProgress: ({ bytes }) => {
      if (bytes < 20 * 1024 ** 2) return;
      held ??= keptTransfers(served.received, true).finally(() => {
        stop.abort();
      });
    },
  });
  await expect(broken).rejects.toMatchObject({ code: 'cancelled' });
  expect(await held).toEqual([]);

  await using machine = await openMachine();
  const shown = await machine.run(['partials', '--json', served.received]);
  expect(shown.lines.map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([
    {
      event: 'partial',
      name: 'new_long.bin',
      peer: parties.owner.id,
      size: 2048 * 1024 ** 2,
      removed: false,
    },
  ]);
  expect((await machine.run(['partials', served.received, '--remove'])).lines).toMatchObject([
    { text: expect.stringMatching(/of 2 GiB .*new_long\.bin {2}removed$/) as string },
  ]);
  expect(partialsIn(served.received)).toEqual([]);
  expect((await machine.run(['partials'])).lines).toEqual([
    { stream: 'err', text: 'nothing waits to go on' },
  ]);
});
