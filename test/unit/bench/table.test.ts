import { describe, expect, test } from 'vitest';
import {
  atMost,
  goalTable,
  microTable,
  spreadText,
  timesAsFast,
  verdict,
  type Result,
  type Row,
} from '../../bench/table.js';

function row(median: number, more: Partial<Row> = {}): Row {
  const result: Result = {
    kind: 'measured',
    own: '1.00 s',
    other: '1.20 s',
    value: { median, min: median, max: median },
  };
  const goal = timesAsFast(1, 1.25);
  return { number: 1, work: 'get', peer: 'curl', goal, result, ...more };
}

describe('the verdict', () => {
  test('asks more of Node 24 and later', () => {
    expect(verdict(row(1.2), 20)).toBe('met');
    expect(verdict(row(1.2), 22)).toBe('met');
    expect(verdict(row(1.2), 24)).toBe('**not met**');
    expect(verdict(row(1.25), 26)).toBe('met');
  });

  test('an upper bound is met from below', () => {
    expect(verdict(row(110, { goal: atMost('MB', 110, 140) }), 20)).toBe('met');
    expect(verdict(row(111, { goal: atMost('MB', 110, 140) }), 20)).toBe('**not met**');
  });

  test('what could not be measured is said aloud', () => {
    const skipped = row(1, { result: { kind: 'skipped', why: 'nginx is missing' } });
    expect(verdict(skipped, 20)).toBe('**skipped**: nginx is missing');
  });
});

test('the table of goals', () => {
  const failed = row(1, { number: 2, result: { kind: 'failed', why: 'one | two\nthree' } });
  const memory = row(80, { number: 10, goal: atMost('MB', 110, 140) });
  expect(goalTable([row(1.2), failed, memory], 20).split('\n')).toEqual([
    '| # | work | against | goal Node 20 | goal Node 24+ | lanpost | peer | median (min-max) | verdict |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    '| 1 | get | curl | >= 1x | >= 1.25x | 1.00 s | 1.20 s | 1.20x | met |',
    '| 2 | get | curl | >= 1x | >= 1.25x |  |  |  | **failed**: one \\| two three |',
    '| 10 | get | curl | <= 110 MB | <= 140 MB | 1.00 s | 1.20 s | 80.0 MB | met |',
  ]);
});

test('the table of parts', () => {
  const figure = { median: 2000, min: 1000, max: 3000 };
  const ratio = { median: 2, min: 1.5, max: 2.5 };
  const line = microTable([{ work: 'frames', own: figure, twin: 'naive', other: figure, ratio }]);
  expect(line.split('\n').at(-1)).toBe(
    '| frames | 2000 (1000-3000) | naive | 2000 (1000-3000) | 2.00x (1.50-2.50) |',
  );
});

test.each([
  [{ median: 0.0451, min: 0.04, max: 0.05 }, 's', '0.045 s (0.040-0.050)'],
  [{ median: 12.34, min: 1, max: 123.4 }, 'ms', '12.3 ms (1.00-123)'],
  [{ median: -3.2, min: -3.2, max: -3.2 }, 'MB', '-3.20 MB'],
])('a spread as text: %j %s', (figures, unit, text) => {
  expect(spreadText(figures, unit)).toBe(text);
});
