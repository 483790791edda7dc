import { expect, test } from 'vitest';
import { eventLimit } from '#src/log/log-limit.js';

const minute = 60_000;

function limited() {
  const clock = { now: 5 };
  const judge = eventLimit(() => clock.now);
  return { clock, judge, many: (count: number, source = 'a') => verdicts(judge, count, source) };
}

function verdicts(judge: ReturnType<typeof eventLimit>, count: number, source: string) {
  return Array.from({ length: count }, () => judge('refused', source));
}

test('twenty a minute pass, the rest is dropped', () => {
  const { many } = limited();
  expect(many(20)).toEqual(Array.from({ length: 20 }, () => 0));
  expect(many(30)).toEqual(Array.from({ length: 30 }, () => 'drop'));
});

test('the first line of the next minute says how many were dropped', () => {
  const { many, clock } = limited();
  many(25);
  clock.now += minute - 1;
  expect(many(1)).toEqual(['drop']);
  clock.now += 1;
  expect(many(21)).toEqual([6, ...Array.from({ length: 19 }, () => 0), 'drop']);
});

test('each kind and each source counts by itself', () => {
  const { many, judge } = limited();
  many(30, 'a');
  expect(judge('refused', 'b')).toBe(0);
  expect(judge('came in', 'a')).toBe(0);
});

test('more sources than are remembered push out the oldest only', () => {
  const { many, judge } = limited();
  many(30, 'old');
  many(30, 'new');
  for (let index = 0; index < 511; index += 1) judge('refused', `source ${index}`);
  expect(judge('refused', 'new')).toBe('drop');
  expect(judge('refused', 'old')).toBe(0);
});
