import { expect, test } from 'vitest';
import { offerPages } from '#sharing/batch/offer-pages.js';
import { batchSendRules, maxOpenRows } from '#sharing/session/batch-sending.js';
import type { FoundFile } from '#sharing/storage/walk.js';
import type { Road } from '#sharing/transport/lane.js';
import type { Message } from '#sharing/wire/message.js';

test('who may offer no more waits until many rows can go together', async () => {
  const rules = batchSendRules();
  const sent: number[] = [];
  const road = {
    send(message: Message) {
      if (message.t === 'offer') sent.push(message.files.length);
    },
    drained: () => Promise.resolve(),
  } as unknown as Road;
  let judged = 0;
  const pages = offerPages(road, {
    id: 1,
    tagKey: Buffer.alloc(32),
    rules,
    wish: {},
    // One file after the other is skipped.
    waitForNews() {
      judged += 1;
      const nothing = { want: 'nothing', reason: 'skipped', as: 'x', file: judged } as const;
      rules.receive({ t: 'want', id: 1, files: [nothing], more: false, judged });
      return Promise.resolve();
    },
    mustGoOn: () => undefined,
  });
  for (let n = 1; n <= maxOpenRows + 1000; n += 1) {
    const path = `f${n}`;
    await pages.place(path);
    const found = { kind: 'file', path, mtime: 0, size: 1 };
    pages.file(found as unknown as FoundFile);
  }
  pages.flush();
  const late = sent.slice(sent.findIndex((_, at) => sum(sent.slice(0, at + 1)) >= maxOpenRows) + 1);
  expect(sum(sent)).toBe(maxOpenRows + 1000);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(100);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
