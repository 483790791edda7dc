import type { Ended } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { gathering } from '#sharing/gathering.js';
import { openTally } from '#src/command/tally.js';
import type { Answer } from '#src/view/answer.js';
import { textLines } from '#src/view/text.js';
import type { View } from '#src/view/view.js';
import { expect, test } from 'vitest';

const error = new SharingError('changed', '');
const file = (
  path: string,
  as: string,
): Extract<Ended, { outcome: 'stored' | 'received' | 'identical' }> => ({
  outcome: 'received',
  path,
  as,
  size: 5,
  digest: 'blake3:00',
});

function summaryOf(work: (note: (ended: Ended) => void) => void): Answer | undefined {
  const shown: Answer[] = [];
  let clock = 1000;
  const tally = openTally('clientDirectory', () => clock);
  work((ended) => {
    tally.note(ended);
  });
  clock += 2500;
  tally.tell({ show: (answer: Answer) => shown.push(answer) } as unknown as View);
  return shown[0];
}

test('one file needs no summary', () => {
  expect(
    summaryOf((note) => {
      note(file('a', 'new_a'));
    }),
  ).toBeUndefined();
});

test.each([true, false])('each file counts once, in a folder or not (each told: %s)', (each) => {
  const summary = summaryOf((note) => {
    const gathered = gathering(each, note);
    gathered.file(undefined, file('x.txt', 'new_x (2).txt'));
    gathered.file(undefined, { outcome: 'skipped', path: 'y', as: 'new_y' });
    gathered.file('a', file('a/1.txt', '1.txt'));
    gathered.file('a', file('a/2.txt', '2 (2).txt'));
    gathered.file('a', { ...file('a/3.txt', '3 (7).txt'), outcome: 'identical' });
    gathered.failed('a', 'a/4.txt', error);
    gathered.folder('a', 'new_a');
    gathered.failed(undefined, 'z', error);
  });
  expect(summary).toEqual({
    event: 'summary',
    files: 4,
    bytes: 15,
    identical: 1,
    skipped: 1,
    renamed: 2,
    failed: 2,
    seconds: 2.5,
    rate: 6,
    place: 'clientDirectory',
  });
  expect(summary && textLines(summary)).toBe(
    'in all 4 files  15 B in 3 s (6 B/s), now in clientDirectory; 1 identical, 1 skipped, 2 renamed, 2 FAILED\n',
  );
});

test('where nothing came, nothing lies anywhere', () => {
  const summary = summaryOf((note) => {
    for (const path of ['a', 'b']) note({ outcome: 'failed', path, error });
  });
  expect(summary && textLines(summary)).toBe('in all 0 files  0 B; 2 FAILED\n');
});
