import { describe, expect, test } from 'vitest';
import {
  chunkState,
  exchange,
  receiveRules,
  type ReceiveRules,
} from '#sharing/session/receiving.js';
import { chunkSize } from '#sharing/wire/frame.js';

const breach = expect.objectContaining({ code: 'protocol' }) as Error;
const digest = Buffer.alloc(32);
const chunk = (index: number, length = chunkSize) => ({
  id: 1,
  file: 0,
  chunk: index,
  length,
  digest,
});
const digests = (first: number, count: number) => ({
  id: 1,
  file: 0,
  first,
  digests: Buffer.alloc(32 * count),
});

function receiving(size: number): ReceiveRules {
  const rules = receiveRules(size);
  rules.wantChunks(new Uint8Array(Math.ceil(size / chunkSize)).fill(1));
  return rules;
}

describe('receiving', () => {
  test('each wanted chunk once, in any order, with the right length, then the end', () => {
    const rules = receiving(2 * chunkSize + 5);
    expect(rules.chunk(chunk(2, 5))).toBe('take');
    expect(rules.chunk(chunk(0))).toBe('take');
    expect(() => rules.end()).toThrow(breach);
    expect(rules.chunk(chunk(1))).toBe('take');
    expect(rules.end()).toBe('take');
    expect(rules.phase()).toBe('finishing');
  });

  test('an empty file only ends', () => {
    expect(receiving(0).end()).toBe('take');
  });

  test.each<[string, (rules: ReceiveRules) => unknown]>([
    ['a chunk twice', (rules) => [rules.chunk(chunk(0)), rules.chunk(chunk(0))]],
    ['a chunk beyond the file', (rules) => rules.chunk(chunk(2, 1))],
    ['a chunk that is too short', (rules) => rules.chunk(chunk(0, 1))],
    ['a last chunk that is too long', (rules) => rules.chunk(chunk(1, 6))],
    ['digests that nobody asked for', (rules) => rules.digests(digests(0, 1))],
  ])('%s is a breach', (_, step) => {
    expect(() => step(receiving(chunkSize + 5))).toThrow(breach);
  });

  test('before the decision nothing may come but a fail', () => {
    const rules = receiveRules(5);
    expect(() => rules.chunk(chunk(0, 5))).toThrow(breach);
    expect(() => rules.end()).toThrow(breach);
    rules.failed();
    expect(rules.phase()).toBe('over');
  });

  test('digests come in order and end with the file', () => {
    const rules = receiveRules(40 * chunkSize);
    rules.compare();
    expect(rules.digests(digests(0, 16))).toBe('take');
    expect(() => rules.digests(digests(17, 1))).toThrow(breach);
    expect(rules.digests(digests(16, 16))).toBe('take');
    expect(() => rules.digests(digests(32, 9))).toThrow(breach);
  });

  test('digests that were under way when a difference was found are dropped, until the first chunk', () => {
    const rules = receiveRules(40 * chunkSize);
    rules.compare();
    rules.digests(digests(0, 16));
    rules.wantChunks(new Uint8Array(40).fill(1));
    expect(rules.digests(digests(16, 16))).toBe('drop');
    rules.chunk(chunk(0));
    expect(() => rules.digests(digests(32, 8))).toThrow(breach);
  });

  test('a chunk on a lane overtakes digests that were under way: they are dropped still', () => {
    const rules = receiveRules(40 * chunkSize);
    rules.useLanes();
    rules.compare();
    rules.digests(digests(0, 16));
    rules.wantChunks(new Uint8Array(40).fill(1));
    rules.chunk(chunk(0));
    expect(rules.digests(digests(16, 16))).toBe('drop');
  });

  test('after a refusal everything is dropped until the sender closes it, and chunks still on a lane later too', () => {
    const rules = receiving(3 * chunkSize);
    rules.chunk(chunk(0));
    rules.refuse();
    expect(rules.chunk(chunk(0))).toBe('drop');
    expect(rules.digests(digests(7, 1))).toBe('drop');
    expect(rules.end()).toBe('drop');
    expect(rules.chunk(chunk(1))).toBe('drop');
    expect(() => rules.digests(digests(0, 1))).toThrow(breach);
  });

  test('a sender that has ended may take its file back once, and waits for our last word', () => {
    const rules = receiving(0);
    rules.end();
    expect(rules.failed()).toBe('drop');
    expect(rules.phase()).toBe('finishing');
    expect(() => rules.failed()).toThrow(breach);
  });

  test('a fail that crossed our last word is late, not wrong', () => {
    const rules = receiving(0);
    rules.end();
    rules.finish();
    expect(rules.failed()).toBe('drop');
  });

  test('only the missing chunks, and one that was not good after all, even after the end', () => {
    const rules = receiveRules(3 * chunkSize);
    rules.wantChunks(Uint8Array.of(0, 1, 0));
    expect(() => rules.chunk(chunk(0))).toThrow(breach);
    rules.chunk(chunk(1));
    expect(rules.end()).toBe('take');
    rules.wantAlso(2);
    expect(rules.phase()).toBe('receiving');
    expect(() => rules.end()).toThrow(breach);
    rules.chunk(chunk(2));
    expect(rules.end()).toBe('take');
  });

  test('an end that crosses what else was wanted is not the last, once for each', () => {
    const rules = receiveRules(4 * chunkSize);
    rules.wantChunks(Uint8Array.of(0, 0, 0, 1));
    rules.chunk(chunk(3));
    rules.wantAlso(0);
    rules.wantAlso(1);
    expect(rules.end()).toBe('wait');
    rules.chunk(chunk(0));
    expect(rules.end()).toBe('wait');
    expect(() => rules.end()).toThrow(breach);
    rules.chunk(chunk(1));
    expect(rules.end()).toBe('take');
  });
});

describe('receiving over lanes', () => {
  function overLanes(size: number): ReceiveRules {
    const rules = receiving(size);
    rules.useLanes();
    return rules;
  }

  test('a chunk that was lost on the way is taken again', () => {
    const rules = overLanes(2 * chunkSize);
    expect(rules.chunk(chunk(0))).toBe('take');
    expect(rules.chunk(chunk(0))).toBe('busy');
    rules.lost(0);
    expect(rules.chunk(chunk(0))).toBe('take');
    rules.landed(0);
    rules.lost(0);
    expect(rules.chunk(chunk(1))).toBe('take');
    expect(rules.end()).toBe('take');
  });

  test('a chunk that has landed is read past once, until the file is over too', () => {
    const rules = overLanes(2 * chunkSize);
    for (const index of [0, 1]) {
      rules.chunk(chunk(index));
      rules.landed(index);
    }
    expect(rules.chunk(chunk(0))).toBe('drop');
    expect(() => rules.chunk(chunk(0))).toThrow(breach);
    expect(rules.end()).toBe('take');
    expect(rules.chunk(chunk(1))).toBe('drop');
  });

  test('what another thread takes is not ours, and is what it says', () => {
    const rules = overLanes(3 * chunkSize);
    const states = rules.states();
    expect(exchange(states, 1, chunkState.missing, chunkState.taken)).toBe(true);
    expect(exchange(states, 1, chunkState.missing, chunkState.taken)).toBe(false);
    expect(exchange(states, 3, chunkState.missing, chunkState.taken)).toBe(false);
    expect(rules.chunk(chunk(1))).toBe('busy');
    expect(states.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('what was not wanted, because it lies here, may not come', () => {
    const rules = receiveRules(2 * chunkSize);
    rules.useLanes();
    rules.wantChunks(Uint8Array.of(0, 1));
    expect(() => rules.chunk(chunk(0))).toThrow(breach);
    rules.wantAlso(0);
    expect(rules.chunk(chunk(0))).toBe('take');
  });
});
