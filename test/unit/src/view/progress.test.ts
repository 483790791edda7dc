import { expect, test } from 'vitest';
import type { Progress } from '#sharing/local.js';
import { progressText } from '#src/view/progress.js';

const mebi = 1024 ** 2;

/** A progress line whose clock stands where the test puts it. */
function watched(name = 'film.mkv'): (at: number, progress: Progress) => string {
  let now = 0;
  const text = progressText(name, () => now);
  return (at, progress) => {
    now = at;
    return text(progress);
  };
}

function sent(bytes: number, size = 10 * mebi): Progress {
  return { phase: 'sending', bytes, size };
}

test('share, bytes, rate and time left', () => {
  const at = watched();
  expect(at(0, sent(0))).toBe('film.mkv  0 %  0 B of 10 MiB');
  expect(at(100, sent(mebi))).toBe('film.mkv  10 %  1 MiB of 10 MiB');
  expect(at(1000, sent(2 * mebi))).toBe('film.mkv  20 %  2 MiB of 10 MiB  2 MiB/s  4 s left');
  expect(at(2000, sent(10 * mebi))).toBe('film.mkv  100 %  10 MiB of 10 MiB  5 MiB/s  0 s left');
});

test('the rate is that of the last seconds', () => {
  const at = watched();
  at(0, sent(0, 1000 * mebi));
  at(1000, sent(500 * mebi, 1000 * mebi));
  expect(at(5000, sent(501 * mebi, 1000 * mebi))).not.toContain('/s');
  expect(at(6000, sent(502 * mebi, 1000 * mebi))).toContain('1 MiB/s  8 min 18 s left');
});

test('a stall is called a stall, until something moves again', () => {
  const at = watched();
  at(0, sent(0));
  at(1000, sent(mebi));
  expect(at(3999, sent(mebi))).not.toContain('stalled');
  expect(at(4000, sent(mebi))).toBe(
    'film.mkv  10 %  1 MiB of 10 MiB  stalled: nothing moved for 3 s',
  );
  expect(at(64_000, sent(mebi))).toContain('nothing moved for 1 min 3 s');
  expect(at(65_000, sent(2 * mebi))).not.toContain('stalled');
});

test('phases have names', () => {
  const at = watched();
  expect(at(0, { phase: 'comparing', bytes: 0, size: 5 })).toBe(
    'film.mkv  comparing with what is here',
  );
  expect(at(0, { phase: 'saving', bytes: 5, size: 5 })).toBe('film.mkv  saving');
});

test('an empty file is whole at once', () => {
  expect(watched()(0, sent(0, 0))).toBe('film.mkv  100 %  0 B of 0 B');
});

test('never 100 % before the last byte', () => {
  expect(watched()(0, sent(10 * mebi - 1))).toContain(' 99 % ');
});

test('the name is quoted', () => {
  expect(watched('a\u001b[2J')(0, sent(0))).toContain('a\\u{1b}[2J  0 %');
});

test('of many files: how many are done, of how many as far as they are counted, and no time left before', () => {
  const at = watched('photos');
  const many = (bytes: number, size: number, done: number, of: number, counted: boolean) =>
    ({ phase: 'sending', bytes, size, files: { done, of, counted } }) as const;
  expect(at(0, many(0, 10 * mebi, 0, 500, false))).toBe('photos  0 of 500+ files  0 B');
  expect(at(1000, many(2 * mebi, 20 * mebi, 100, 800, false))).toBe(
    'photos  100 of 800+ files  2 MiB  2 MiB/s',
  );
  expect(at(2000, many(4 * mebi, 20 * mebi, 200, 900, true))).toBe(
    'photos  200 of 900 files  4 MiB  2 MiB/s  8 s left',
  );
  // Empty files move nothing.
  expect(at(5000, many(4 * mebi, 20 * mebi, 300, 900, true))).toBe(
    'photos  300 of 900 files  4 MiB  stalled: nothing moved for 3 s',
  );
});

test('sizes of a progress are shown as they were asked for', () => {
  const text = progressText(
    'a',
    () => 0,
    (bytes) => `${bytes} B`,
  );
  expect(text({ phase: 'sending', bytes: 2048, size: 4096 })).toBe('a  50 %  2048 B of 4096 B');
});
