import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  createHolding,
  maxAsked,
  maxAskedPerSource,
  patienceMs,
  type Holding,
} from '#discovery/mdns/holding.js';
import type { Hit } from '#discovery/mdns/neighbour.js';
import { announcement } from '../loopback.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let asked: string[];
let mentioned: string[];
let heard: Set<string>;
let excess = 0;
let holding: Holding;

beforeEach(() => {
  [asked, mentioned, heard, excess] = [[], [], new Set(), 0];
  holding = createHolding({
    ask: (address) => void asked.push(address),
    isHeard: (hit) => heard.has(hit.announcement.run),
    mention: (_hit, address) => void mentioned.push(address),
    onExcess: () => void (excess += 1),
  });
});

function hit(run: string, ...addresses: string[]): Hit {
  return { announcement: announcement({ run }), newer: false, addresses };
}

test('each address is asked at once, again while it is silent, then mentioned', () => {
  holding.take([hit('run00001', '10.0.0.9')], '10.0.0.9');
  holding.take([hit('run00001', '10.0.0.9')], '10.0.0.9');
  expect(asked).toEqual(['10.0.0.9']);
  vi.advanceTimersByTime(patienceMs - 1);
  expect(asked).toHaveLength(3);
  expect(mentioned).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(mentioned).toEqual(['10.0.0.9']);
});

test('who answers is not mentioned, and not asked again', () => {
  holding.take([hit('run00001', '10.0.0.9')], '10.0.0.9');
  heard.add('run00001');
  vi.advanceTimersByTime(patienceMs);
  expect(asked).toHaveLength(1);
  expect(mentioned).toEqual([]);
});

test('who was heard before is still asked once at a further address', () => {
  heard.add('run00001');
  holding.take([hit('run00001', '10.0.1.9')], '10.0.1.9');
  expect(asked).toEqual(['10.0.1.9']);
});

test('at the end those who are still waited for are mentioned, and nothing follows', () => {
  holding.take([hit('run00001', '10.0.0.9', '10.0.1.9')], '10.0.0.9');
  holding.flush();
  expect(mentioned).toEqual(['10.0.0.9', '10.0.1.9']);
  expect(vi.getTimerCount()).toBe(0);
  expect(asked).toHaveLength(2);
});

test('nobody makes a scan probe more than so many addresses', () => {
  for (let i = 0; i < 100; i += 1) holding.take([hit('run00001', `10.0.0.${i}`)], '10.0.0.66');
  expect(asked).toHaveLength(maxAskedPerSource);
  for (let i = 0; i < 1000; i += 1) holding.take([hit('run00001', '10.0.0.1')], `10.1.0.${i}`);
  expect(asked).toHaveLength(maxAsked);
  expect(excess).toBe(100 - maxAskedPerSource + 1000 - (maxAsked - maxAskedPerSource));
  holding.flush();
});
