import { describe, expect, test } from 'vitest';
import { createReplyBudget } from '#discovery/budget.js';

function setUp(random = () => 0.5) {
  const clock = { ms: 0 };
  const budget = createReplyBudget(() => clock.ms, random);
  /** One probe that is answered at once. */
  const ask = (address: string, port: number) => {
    const admission = budget.admit(address, port);
    if (admission.answer) budget.replied(address, port);
    return admission.answer ? 'answer' : admission.reason;
  };
  return { clock, budget, ask };
}

const answers = (words: readonly string[]): number =>
  words.filter((word) => word === 'answer').length;
const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('one searcher', () => {
  test('while a reply waits, further probes cost nothing', () => {
    const { budget } = setUp();
    expect(budget.admit('10.0.0.1', 5000).answer).toBe(true);
    expect(budget.admit('10.0.0.1', 5000)).toEqual({ answer: false, reason: 'already-waiting' });
    expect(budget.admit('10.0.0.1', 5001).answer).toBe(true);
    budget.replied('10.0.0.1', 5000);
    expect(budget.admit('10.0.0.1', 5000).answer).toBe(true);
  });

  test('the first answer comes within 20 ms, later ones within 200 ms', () => {
    const { budget, clock } = setUp(() => 0.5);
    expect(budget.admit('10.0.0.1', 5000)).toEqual({ answer: true, delayMs: 10 });
    budget.replied('10.0.0.1', 5000);
    expect(budget.admit('10.0.0.1', 5000)).toEqual({ answer: true, delayMs: 100 });
    expect(budget.admit('10.0.0.1', 5001)).toEqual({ answer: true, delayMs: 10 });
    budget.replied('10.0.0.1', 5000);
    clock.ms = 60_000;
    expect(budget.admit('10.0.0.1', 5000)).toEqual({ answer: true, delayMs: 10 });
  });
});

describe('one source address', () => {
  test('10 at once, then 5 a second, whatever ports it uses', () => {
    const { ask, clock } = setUp();
    expect(answers(times(50, (i) => ask('10.0.0.1', 1000 + i)))).toBe(10);
    expect(ask('10.0.0.1', 1)).toBe('source-budget');
    expect(ask('10.0.0.2', 1)).toBe('answer');
    clock.ms = 1000;
    expect(answers(times(50, (i) => ask('10.0.0.1', 2000 + i)))).toBe(5);
  });

  test('a pause never saves up more than 10', () => {
    const { ask, clock } = setUp();
    times(10, (i) => ask('10.0.0.1', i + 1));
    clock.ms = 30_000;
    expect(answers(times(50, (i) => ask('10.0.0.1', 100 + i)))).toBe(10);
  });
});

describe('everybody together', () => {
  const source = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;

  test('500 at once, then 500 a second', () => {
    const { ask, clock } = setUp();
    expect(answers(times(2000, (i) => ask(source(i), 1000)))).toBe(500);
    expect(ask(source(3000), 1000)).toBe('global-budget');
    clock.ms = 100;
    expect(answers(times(2000, (i) => ask(source(4000 + i), 1000)))).toBe(50);
  });

  test('a probe that the common budget refuses is not charged to its source', () => {
    const { ask, clock } = setUp();
    times(500, (i) => ask(source(i), 1000));
    times(20, () => ask('192.168.0.9', 1000));
    clock.ms = 1000;
    expect(answers(times(20, (i) => ask('192.168.0.9', 1000 + i)))).toBe(10);
  });

  test('of more than 1024 sources the oldest is forgotten', () => {
    const { ask, clock } = setUp();
    times(10, (i) => ask(source(0), 1000 + i));
    clock.ms = 1;
    for (let i = 1; i <= 1024; i += 1) {
      clock.ms += 2;
      ask(source(i), 1000);
    }
    expect(answers(times(20, (i) => ask(source(0), 2000 + i)))).toBe(10);
  });
});

describe('IPv6 sources', () => {
  test('one /64 is one source, however many addresses it has', () => {
    const { ask } = setUp();
    const words = times(40, (i) => ask(`2001:db8:0:7:${i.toString(16)}::1`, 5000));
    expect(answers(words)).toBe(10);
    expect(ask('2001:db8:0:8::1', 5000)).toBe('answer');
    expect(ask('2001:db8::7:0:0:0:1', 5000)).toBe('source-budget');
    expect(ask('::1', 5000)).toBe('answer');
  });

  test('the link is not one source, each address and zone on it is', () => {
    const { ask } = setUp();
    const zones = ['eth0', 'eth1'];
    for (const zone of zones) {
      expect(answers(times(20, () => ask(`fe80::1%${zone}`, 5000)))).toBe(10);
    }
    expect(ask('fe80::2%eth0', 5000)).toBe('answer');
  });
});
