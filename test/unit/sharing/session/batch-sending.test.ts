import {
  batchSendRules,
  maxOpenRows,
  smallWindow,
  type BatchSendRules,
} from '#sharing/session/batch-sending.js';
import type { FromReceiver } from '#sharing/session/incoming.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { MessageOf, Ranges, Want } from '#sharing/wire/message.js';
import { describe, expect, test } from 'vitest';

const digest = `blake3:${'0'.repeat(64)}`;
const breach = expect.objectContaining({ code: 'protocol' }) as Error;
const folder = undefined;

function want(files: readonly Want[], more: Partial<MessageOf<'want'>> = {}): FromReceiver {
  return { t: 'want', id: 1, files: [...files], more: false, ...more };
}
const all = (...ranges: [number, number][]): FromReceiver => want([], { all: ranges });
const digests = (file: number) => want([{ want: 'digests', file }]);
const nothing = (
  file: number,
  reason: 'identical' | 'skipped' | 'staged',
  more: { digest?: string } = { digest },
) => want([{ want: 'nothing', file, reason, as: 'new_a', ...more }]);
const refused = (file: number) => want([{ want: 'refused', file, code: 'no-room', message: '' }]);
const receipts = (stored: Ranges, named: [number, string][] = []): FromReceiver => ({
  t: 'receipts',
  id: 1,
  stored: stored.map(([from, to]) => [from, to]),
  named,
});
const fail = (file: number): FromReceiver => ({
  t: 'fail',
  id: 1,
  file,
  code: 'no-room',
  message: 'full',
});
const got = (file: number): FromReceiver => ({ t: 'got', id: 1, file, chunk: 0 });
const receipt = (file: number): FromReceiver => ({
  t: 'receipt',
  id: 1,
  file,
  as: 'new_a',
  size: 3,
  digest,
});
const placed = (file: number): FromReceiver => ({ t: 'placed', id: 1, file, as: 'new_a' });
const finished: FromReceiver = { t: 'finished', id: 1 };
const stop: FromReceiver = { t: 'stop', id: 1, code: 'no-room', message: 'full' };

/** Rules after these rows were offered: sizes of files at the top, undefined for a folder there. */
function offered(...sizes: (number | undefined)[]): BatchSendRules {
  const rules = batchSendRules();
  for (const size of sizes) rules.offer(size, true);
  return rules;
}

describe('sending a batch', () => {
  test('rows are numbered in order, those of all kinds', () => {
    const rules = batchSendRules();
    expect([rules.offer(undefined, true), rules.offer(3, false), rules.offer(3e6, false)]).toEqual([
      0, 1, 2,
    ]);
  });

  test('small files: wanted in order, sent, receipted with the names that they got', () => {
    const rules = offered(folder, 3, 0, 4, 5);
    expect(rules.receive(all([1, 2], [3, 5]))).toEqual([
      { is: 'wanted', file: 1, what: 'bytes' },
      { is: 'wanted', file: 3, what: 'bytes' },
      { is: 'wanted', file: 4, what: 'bytes' },
    ]);
    for (const file of [1, 3, 4]) rules.sent(file);
    // The empty one, of which nothing travels, needs no want.
    expect(rules.receive(receipts([[1, 4]], [[3, 'b (2)']]))).toEqual([
      { is: 'over', file: 1, outcome: { kind: 'stored', as: undefined } },
      { is: 'over', file: 2, outcome: { kind: 'stored', as: undefined } },
      { is: 'over', file: 3, outcome: { kind: 'stored', as: 'b (2)' } },
    ]);
    rules.complete();
    expect(rules.isDone()).toBe(false);
    rules.receive(receipts([[4, 5]]));
    expect(rules.isDone()).toBe(false);
    expect(rules.receive(placed(0))).toEqual([{ is: 'placed', file: 0, as: 'new_a' }]);
    expect(rules.isDone()).toBe(true);
    expect(rules.receive(finished)).toEqual([{ is: 'finished' }]);
  });

  test('a want and its answer come before ranges of the same message', () => {
    const rules = offered(3, 4, 5);
    const message = want([{ want: 'digests', file: 2 }], { all: [[0, 2]] });
    expect(rules.receive(message)).toEqual([
      { is: 'wanted', file: 2, what: 'digest' },
      { is: 'wanted', file: 0, what: 'bytes' },
      { is: 'wanted', file: 1, what: 'bytes' },
    ]);
  });

  test.each(['identical', 'staged'] as const)('a digest, and then nothing: %s', (reason) => {
    const rules = offered(3);
    expect(rules.receive(digests(0))).toEqual([{ is: 'wanted', file: 0, what: 'digest' }]);
    rules.sent(0);
    const kind = reason === 'staged' ? 'here' : reason;
    expect(rules.receive(nothing(0, reason))).toEqual([
      { is: 'over', file: 0, outcome: { kind, as: 'new_a', digest } },
    ]);
    rules.complete();
    expect(rules.isDone()).toBe(true);
  });

  test('a digest, and then the bytes after all', () => {
    const rules = offered(3);
    rules.receive(digests(0));
    rules.sent(0);
    expect(rules.receive(all([0, 1]))).toEqual([{ is: 'wanted', file: 0, what: 'bytes' }]);
    rules.sent(0);
    expect(rules.receive(receipts([[0, 1]]))).toHaveLength(1);
  });

  test('what is skipped or refused is over without a digest', () => {
    const rules = offered(3, 4);
    expect(rules.receive(nothing(0, 'skipped', {}))).toEqual([
      { is: 'over', file: 0, outcome: { kind: 'skipped', as: 'new_a' } },
    ]);
    expect(rules.receive(refused(1))).toMatchObject([
      { is: 'over', file: 1, outcome: { kind: 'failed', error: { code: 'no-room' } } },
    ]);
    rules.complete();
    expect(rules.isDone()).toBe(true);
  });

  test('an empty file is identical without a digest that travelled', () => {
    expect(offered(0).receive(nothing(0, 'identical'))).toMatchObject([
      { is: 'over', outcome: { kind: 'identical' } },
    ]);
  });

  test('what is said of a large file is for its own rules, until it is over', () => {
    const rules = offered(chunkSize + 1, chunkSize + 1, chunkSize + 1);
    for (const message of [got(0), receipt(0)]) {
      expect(rules.receive(message)).toEqual([{ is: 'large', file: 0, message }]);
    }
    // It is over by its receipt, and a late word of it is for nobody.
    expect(rules.receive(got(0))).toEqual([]);
    expect(rules.receive(want([{ want: 'all', file: 1 }]))).toMatchObject([{ is: 'large' }]);
    // Who gives up a large file waits for our end: it is over when that is out.
    expect(rules.receive(fail(1))).toMatchObject([{ is: 'large', file: 1 }]);
    rules.complete();
    rules.receive(refused(2));
    expect(rules.isDone()).toBe(false);
    rules.ended(1);
    expect(rules.isDone()).toBe(true);
  });

  test('a chunk is the longest small file', () => {
    expect(offered(chunkSize).receive(all([0, 1]))).toMatchObject([{ is: 'wanted' }]);
    expect(() => offered(chunkSize + 1).receive(all([0, 1]))).toThrow(breach);
  });

  test('a receiver may give up a small file at any time, and a folder at the top', () => {
    const rules = offered(folder, 3, 4);
    rules.receive(all([1, 3]));
    rules.sent(1);
    for (const file of [0, 1, 2]) {
      expect(rules.receive(fail(file))).toMatchObject([
        { is: 'over', file, outcome: { kind: 'failed', error: { code: 'no-room' } } },
      ]);
    }
    rules.complete();
    expect(rules.isDone()).toBe(true);
  });

  test('what our source ended is over: what comes of it then is late, not wrong', () => {
    const rules = offered(3, 4, chunkSize + 1, folder);
    rules.receive(all([0, 1]));
    for (const file of [0, 1, 2]) rules.ended(file);
    expect(rules.receive(all([0, 2]))).toEqual([]);
    expect(rules.receive(want([{ want: 'all', file: 2 }]))).toEqual([]);
    for (const late of [digests(1), refused(1), got(2), receipt(2)]) {
      expect(rules.receive(late)).toEqual([]);
    }
  });

  test('a folder below the top is not waited for, and a fail of it changes nothing', () => {
    const rules = offered(folder);
    rules.offer(undefined, false);
    rules.complete();
    expect(rules.receive(fail(1))).toMatchObject([{ is: 'remark', file: 1 }]);
    expect(() => rules.receive(placed(1))).toThrow(breach);
    rules.receive(placed(0));
    rules.complete();
    expect(rules.isDone()).toBe(true);
  });

  test('a stop is a stop, at any time', () => {
    expect(offered(3).receive(stop)).toMatchObject([
      { is: 'stopped', error: { code: 'no-room', message: 'full' } },
    ]);
  });

  test('an empty batch is over as soon as it is complete', () => {
    const rules = batchSendRules();
    expect(() => rules.receive(finished)).toThrow(breach);
    rules.complete();
    expect(rules.receive(finished)).toEqual([{ is: 'finished' }]);
  });

  test('no more rows go out than may be offered and not judged, or not be over', () => {
    const rules = batchSendRules();
    for (let row = 0; row < maxOpenRows; row += 1) {
      expect(rules.mayOffer()).toBe(maxOpenRows - row);
      // Folders below the top have no last word, yet they are to be judged.
      rules.offer(row < 10 ? 1 : undefined, false);
    }
    expect(rules.mayOffer()).toBe(0);
    rules.receive(want([], { judged: 100 }));
    expect(rules.mayOffer()).toBe(100);
    rules.receive(want([], { judged: maxOpenRows }));
    // The ten files are not over.
    expect(rules.mayOffer()).toBe(maxOpenRows - 10);
    rules.receive(refused(3));
    expect(rules.mayOffer()).toBe(maxOpenRows - 9);
  });

  test('what is judged but not over keeps rows back too', () => {
    const rules = batchSendRules();
    for (let row = 0; row < maxOpenRows; row += 1) rules.offer(1, false);
    rules.receive(want([], { judged: maxOpenRows }));
    expect(rules.mayOffer()).toBe(0);
    rules.receive(all([0, 5]));
    for (let file = 0; file < 5; file += 1) rules.sent(file);
    expect(rules.mayOffer()).toBe(0);
    rules.receive(receipts([[0, 5]]));
    expect(rules.mayOffer()).toBe(5);
  });

  test('no more bytes of small files are under way than the window; one always goes', () => {
    const files = smallWindow / chunkSize;
    const rules = offered(...Array.from({ length: files + 1 }, () => chunkSize));
    rules.receive(all([0, files + 1]));
    for (let file = 0; file < files; file += 1) {
      expect(rules.maySend(chunkSize)).toBe(true);
      rules.sent(file);
    }
    expect(rules.maySend(1)).toBe(false);
    expect(rules.maySend(0)).toBe(true);
    rules.receive(receipts([[0, 1]]));
    expect(rules.maySend(chunkSize)).toBe(true);
    // What failed there is not under way either.
    rules.sent(files);
    expect(rules.maySend(1)).toBe(false);
    rules.receive(fail(1));
    expect(rules.maySend(chunkSize)).toBe(true);
    // A digest is nothing that the window counts.
    const other = offered(chunkSize);
    other.receive(digests(0));
    other.sent(0);
    expect(other.maySend(smallWindow)).toBe(true);
  });

  test('what was not wanted is not sent, whatever its owner says', () => {
    const rules = offered(3);
    rules.sent(0);
    rules.sent(7);
    expect(() => rules.receive(receipts([[0, 1]]))).toThrow(breach);
  });

  test.each<[string, readonly (FromReceiver | number)[]]>([
    ['a want of a row that was not offered', [want([{ want: 'all', file: 5 }])]],
    ['ranges beyond the rows', [all([4, 6])]],
    ['ranges that overlap', [all([1, 3], [2, 3])]],
    ['a folder in ranges', [all([0, 2])]],
    ['a large file in ranges', [all([3, 5])]],
    ['a folder that is wanted', [want([{ want: 'all', file: 0 }])]],
    ['a file that is wanted twice', [all([1, 2]), all([1, 2])]],
    [
      'a file that is wanted twice in one message',
      [want([{ want: 'all', file: 1 }], { all: [[1, 2]] })],
    ],
    ['a file that is wanted while its digest is under way', [digests(1), all([1, 2])]],
    ['a file that is wanted after it was sent', [all([1, 2]), 1, all([1, 2])]],
    ['digests twice', [digests(1), digests(1)]],
    ['digests again after they came', [digests(1), 1, digests(1)]],
    ['the digest of an empty file', [digests(2)]],
    ['digests after the bytes', [all([1, 2]), 1, digests(1)]],
    ['ranges of a small file', [want([{ want: 'ranges', file: 1, ranges: [[0, 1]] }])]],
    ['identical without a look at the digest', [nothing(1, 'identical')]],
    ['staged without a look at the digest', [nothing(1, 'staged')]],
    ['identical before the digest is out', [digests(1), nothing(1, 'identical')]],
    ['identical without a digest', [digests(1), 1, nothing(1, 'identical', {})]],
    ['an empty one that is identical without a digest', [nothing(2, 'identical', {})]],
    ['nothing after all', [all([1, 2]), nothing(1, 'skipped', {})]],
    ['a refusal after all', [all([1, 2]), refused(1)]],
    ['more rows judged than were offered', [want([], { judged: 6 })]],
    ['a receipt of what was not wanted', [receipts([[1, 2]])]],
    ['a receipt of what was wanted and not sent', [all([1, 2]), receipts([[1, 2]])]],
    ['a receipt of what was only compared', [digests(1), 1, receipts([[1, 2]])]],
    ['a receipt twice', [all([1, 2]), 1, receipts([[1, 2]]), receipts([[1, 2]])]],
    ['receipts of a large file', [receipts([[4, 5]])]],
    ['receipts of a folder', [receipts([[0, 1]])]],
    ['receipts beyond the rows', [receipts([[4, 6]])]],
    ['a fail of a row that was not offered', [fail(5)]],
    ['got of a small file', [got(1)]],
    ['the receipt of a large file for a small one', [receipt(1)]],
    ['got of a folder', [got(0)]],
    ['got of a row that was not offered', [got(5)]],
    ['a file that is placed', [placed(1)]],
    ['a folder that is placed twice', [placed(0), placed(0)]],
    ['a folder that is placed after it failed', [fail(0), placed(0)]],
    ['a row that was not offered, placed', [placed(5)]],
    ['finished before the end', [finished]],
  ])('%s is a breach', (_, script) => {
    const rules = offered(folder, 3, 0, 4, chunkSize + 1);
    const last = script.at(-1) as FromReceiver;
    for (const step of script.slice(0, -1)) {
      if (typeof step === 'number') rules.sent(step);
      else rules.receive(step);
    }
    expect(() => rules.receive(last)).toThrow(breach);
  });

  test('more wanted in one message than may be offered is a breach', () => {
    const rules = batchSendRules();
    for (let row = 0; row <= maxOpenRows; row += 1) {
      rules.offer(3, false);
      rules.ended(row);
    }
    expect(rules.receive(all([0, maxOpenRows]))).toEqual([]);
    expect(() => rules.receive(all([0, maxOpenRows + 1]))).toThrow(breach);
  });
});
