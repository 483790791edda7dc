import type { KeptTransfer } from '#sharing/local.js';
import { SharingError } from '#sharing/errors.js';
import { run } from '#src/command/partials.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import type { Answer } from '#src/view/answer.js';
import { expect, test, vi } from 'vitest';

vi.mock('#sharing/local.js', () => {
  const one = { peer: 'PEER', size: 2, bytes: 1, touched: 0 };
  const kept: readonly KeptTransfer[] = [
    { ...one, name: 'stays.bin', failure: new SharingError('write-failed', 'EROFS') },
    { ...one, name: 'goes.bin' },
  ];
  return { keptTransfers: () => Promise.resolve(kept) };
});

test('what cannot be removed is named, and the rest goes on', async () => {
  const shown: Answer[] = [];
  const context = { workingFolder: '/', view: { show: (one: Answer) => shown.push(one) } };
  const call = { server: undefined, words: ['in'], options: { remove: true } };
  expect(await run(context as unknown as Context, call)).toBe(exitCodes.files);
  expect(shown).toMatchObject([
    { event: 'failed', path: 'in/stays.bin', code: 'write-failed' },
    { event: 'partial', folder: 'in', name: 'goes.bin', removed: true },
  ]);
});
