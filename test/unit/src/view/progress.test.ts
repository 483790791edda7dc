import { expect, test } from 'vitest';
import type { Progress } from '#sharing/local.js';
import { progressText } from '#src/view/progress.js';

const mebi = 1024 ** 2;

/** A progress line whose clock stands where the test puts it. */
function watched(
  name = 'film.mkv',
  columns = 79,
): (at: number, progress: Progress | undefined) => string {
  let now = 0;
  const text = progressText(name, () => now);
  return (at, progress) => {
    now = at;
    return text(progress, columns);
  };
}

function sent(bytes: number, size = 10 * mebi): Progress {
  return { phase: 'sending', bytes, size };
}

test('share, bytes, rate and time left', () => {
  const at = watched();
  expect(at(0, sent(0))).toBe('film.mkv  0 %  0 B of 10 MiB');
  expect(at(100, sent(mebi))).toBe('film.mkv  10 %  1 MiB of 10 MiB');
  expect(at(1000, sent(2 * mebi))).toBe('film.mkv  20 %  2 MiB of 10 MiB  1.9 MiB/s  4 s left');
  expect(at(2000, sent(3 * mebi))).toContain('30 %  3 MiB of 10 MiB  1.4 MiB/s');
});

test('one burst, or one pause, moves the rate and the time left little; what lasts moves them', () => {
  const at = watched();
  const size = 1000 * mebi;
  const figures = (text: string): number[] =>
    [...text.matchAll(/([\d.]+) MiB\/s {2}(?:(\d+) min )?(?:(\d+) s )?left/g)].flatMap(
      ([, rate, minutes, seconds]) => [
        Number(rate),
        60 * Number(minutes ?? 0) + Number(seconds ?? 0),
      ],
    );
  let [clock, bytes] = [0, 0];
  const run = (milliseconds: number, perSecond: number): number[] => {
    let text = '';
    for (let end = clock + milliseconds; clock < end;) {
      clock += 100;
      bytes += (perSecond * mebi) / 10;
      text = at(clock, sent(bytes, size));
    }
    return figures(text);
  };
  at(0, sent(0, size));
  expect(run(20_000, 10)).toEqual([10, 80]);
  const [burst = 0, left = 0] = run(300, 40);
  expect(burst).toBeLessThan(12);
  expect(left).toBeGreaterThan(70);
  const [pause = 0] = run(1000, 0);
  expect(pause).toBeGreaterThan(8);
  const [slow = 0] = run(15_000, 2);
  expect(slow).toBeLessThan(3);
});

test('what lay there before counts as done, but not as fast', () => {
  const at = watched();
  at(0, { ...sent(0, 1000 * mebi), had: 0 });
  expect(at(1000, { ...sent(501 * mebi, 1000 * mebi), had: 500 * mebi })).toBe(
    'film.mkv  50 %  501 MiB of 1000 MiB  1 MiB/s  8 min 20 s left',
  );
});

test('on a slow link, where bytes are confirmed seldom, a wait is no stall', () => {
  const at = watched();
  for (const chunk of [0, 1, 2, 3]) at(8000 * chunk, sent(chunk * mebi));
  expect(at(24_000 + 15_000, sent(3 * mebi))).not.toContain('stalled');
  expect(at(24_000 + 21_000, sent(3 * mebi))).toContain('stalled: nothing moved for 21 s');
});

test('before the other side has said a word, it is waited for', () => {
  expect(watched()(2000, undefined)).toBe('film.mkv  waiting for the other side');
});

test('a long name leaves room for the figures', () => {
  const name = `${'n'.repeat(100)}.tar`;
  const at = watched(name, 59);
  at(0, sent(0));
  expect(at(1000, sent(mebi))).toBe('nnnnn....tar  10 %  1 MiB of 10 MiB  1 MiB/s  9 s left');
  expect(watched(name, 199)(0, sent(0))).toContain(name);
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
    'film.mkv  comparing with what is here  0 %',
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
  // Empty files move nothing, and are done all the same.
  expect(at(5000, many(4 * mebi, 20 * mebi, 300, 900, true))).not.toContain('stalled');
  expect(at(13_000, many(4 * mebi, 20 * mebi, 300, 900, true))).toContain('stalled: nothing moved');
});

test('sizes of a progress are shown as they were asked for', () => {
  const text = progressText(
    'a',
    () => 0,
    (bytes) => `${bytes} B`,
  );
  expect(text({ phase: 'sending', bytes: 2048, size: 4096 }, 80)).toBe('a  50 %  2048 B of 4096 B');
});
