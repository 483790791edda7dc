import { expect, test } from 'vitest';
import { openLedger } from '#sharing/dialogue/ledger.js';
import { decode, encode, type Message } from '#sharing/wire/message.js';

const birch = {
  event: 'client-in',
  session: 4,
  address: '10.0.0.2',
  id: 'B'.repeat(52),
  name: 'birch',
  as: 'peer',
  rights: ['read'],
} as const;

function open() {
  let clock = 1000;
  const ledger = openLedger(
    () => 5_000_000,
    () => clock,
  );
  return { ledger, pass: (time: number) => (clock += time) };
}

test('who came in is there until it leaves', () => {
  const { ledger, pass } = open();
  ledger.note(birch);
  pass(250);
  const { event, ...row } = birch;
  expect(ledger.read()).toMatchObject({ uptime: 250, clients: [{ ...row, since: 5_000_000 }] });
  const rights = ['read', 'write'] as const;
  ledger.note({ event: 'client-rights', session: 4, name: 'birch', rights });
  expect(ledger.read().clients).toMatchObject([{ ...row, rights, since: 5_000_000 }]);
  ledger.note({ event: 'client-out', session: 4, name: 'birch', code: 'bye', message: '' });
  expect(ledger.read().clients, event).toEqual([]);
});

test('a transfer is there until it is over, with how far and how fast it is', () => {
  const { ledger, pass } = open();
  const track = ledger.begin(4, 'out', 'film.mkv', 70);
  expect(ledger.read().transfers).toEqual([
    { session: 4, direction: 'out', path: 'film.mkv', bytes: 0, size: 70, rate: 0 },
  ]);
  track.onProgress({ phase: 'sending', bytes: 5000, size: 100_000 });
  for (let n = 1; n <= 10; n += 1) {
    pass(500);
    track.onProgress({ phase: 'sending', bytes: 5000 + n * 1000, size: 100_000 });
  }
  expect(ledger.read().transfers).toMatchObject([{ bytes: 15_000, size: 100_000, rate: 2000 }]);
  pass(3100);
  expect(ledger.read().transfers).toMatchObject([{ rate: 0 }]);
  track[Symbol.dispose]();
  expect(ledger.read().transfers).toEqual([]);
});

test('what was there already when it began is no speed', () => {
  const { ledger, pass } = open();
  using track = ledger.begin(4, 'in', 'film.mkv', 0);
  track.onProgress({ phase: 'sending', bytes: 9e9, size: 1e10 });
  pass(1000);
  track.onProgress({ phase: 'sending', bytes: 9e9 + 100, size: 1e10 });
  expect(ledger.read().transfers).toMatchObject([{ rate: 100 }]);
});

test('only what travelled to its end counts, and who was not let in', () => {
  const { ledger } = open();
  ledger.begin(4, 'out', 'a', 0).whole(10);
  const folder = ledger.begin(4, 'in', 'b', 0);
  folder.whole(0);
  folder.whole(7);
  ledger.begin(4, 'in', 'c', 0).onProgress({ phase: 'sending', bytes: 50, size: 100 });
  ledger.note({ event: 'turned-away', address: '10.0.0.9', reason: 'plaintext' });
  const { address, id } = birch;
  ledger.note({ event: 'client-refused', address, id, code: 'not-known', message: '' });
  ledger.note({ event: 'paired', id, peer: 'birch' });
  expect(ledger.read().totals).toEqual({
    filesOut: 1,
    bytesOut: 10,
    filesIn: 2,
    bytesIn: 7,
    refused: 2,
    paired: 1,
  });
});

test('sums beyond what a message can say are told as the most it can', () => {
  const { ledger, pass } = open();
  using track = ledger.begin(4, 'in', 'film.mkv', 2e16);
  const size = (): number | undefined => ledger.read().transfers[0]?.size;
  expect(size()).toBe(Number.MAX_SAFE_INTEGER);
  track.onProgress({ phase: 'sending', bytes: 0, size: 2e16 });
  pass(1000);
  track.onProgress({ phase: 'sending', bytes: 1.9e19, size: 2e19 });
  track.whole(2e16);
  const { transfers, totals } = ledger.read();
  expect(totals.bytesIn).toBe(Number.MAX_SAFE_INTEGER);
  const rows = transfers.map(({ session, ...row }) => ({
    ...row,
    id: birch.id,
    name: `${session}`,
  }));
  const state: Message = { t: 'state', id: 1, clients: [], transfers: rows, more: true };
  expect(decode(encode(state).subarray(4))).toEqual(state);
});
