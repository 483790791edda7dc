import { listFolder, type Service } from '#sharing/dialogue/serving.js';
import type { SharingError } from '#sharing/errors.js';
import { safePath, type SafeName } from '#sharing/storage/path.js';
import type { Entry, Share } from '#sharing/storage/share.js';
import type { Connection } from '#sharing/transport/connection.js';
import { expect, onTestFinished, test, vi } from 'vitest';

const stallTime = 20_000;
const row: Entry = { name: 'a.txt' as SafeName, type: 'file', size: 1, mtime: 0 };

/** Sends a list of two pages over a connection that takes each after `takes` milliseconds, from a disk that takes `reads`. */
function listing(takes: number, reads = 0) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const ending = new AbortController();
  const closings: (SharingError | undefined)[] = [];
  const sent: { readonly t: string; readonly unshared?: number }[] = [];
  const connection = {
    signal: ending.signal,
    drained: () =>
      new Promise<void>((resolve) => {
        ending.signal.addEventListener('abort', () => {
          resolve();
        });
        setTimeout(resolve, takes);
      }),
    send: (message: (typeof sent)[number]) => void sent.push(message),
    close(error?: SharingError) {
      closings.push(error);
      ending.abort();
    },
  };
  const share = {
    async *list() {
      for (let page = 0; page < 2; page += 1) {
        await new Promise((resolve) => setTimeout(resolve, reads));
        yield { entries: [row], unshared: 1 };
      }
    },
  };
  const service = {
    connection: connection as unknown as Connection,
    share: share as unknown as Share,
    observe: () => undefined,
    session: 1,
    stallTime,
  } as Partial<Service> as Service;
  return { done: listFolder(service, 1, safePath('')), closings, sent };
}

test('a client that does not take the pages of a list is left after three times of patience', async () => {
  const { done, closings, sent } = listing(2 ** 31 - 1);
  await vi.advanceTimersByTimeAsync(3 * stallTime);
  expect(closings).toEqual([]);
  await vi.advanceTimersByTimeAsync(stallTime);
  await done;
  expect(closings).toMatchObject([{ code: 'stalled' }]);
  expect(sent).toEqual([]);
});

test.each([
  ['a slow client that takes them', 2.5 * stallTime, 0],
  ['a slow disk of our own', 0, 10 * stallTime],
])('%s gets the whole list', async (_, takes, reads) => {
  const { done, closings, sent } = listing(takes, reads);
  await vi.advanceTimersByTimeAsync(30 * stallTime);
  await done;
  expect(closings).toEqual([]);
  expect(sent.map(({ t }) => t)).toEqual(['entries', 'entries', 'entries']);
  expect(sent.map(({ unshared }) => unshared)).toEqual([undefined, undefined, 2]);
});
