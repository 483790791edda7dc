import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { maySpeakPython, python } from '../support/second.js';

type Vector = Readonly<Record<string, unknown>>;

/** What the second implementation, written from the documents alone, makes of each vector. */
describe.skipIf(!maySpeakPython())('the second implementation agrees with the vectors of', () => {
  let outcomes: Record<string, unknown[]>;

  beforeAll(async () => {
    const { stdout } = await python('vectors.py', [import.meta.dirname]);
    outcomes = JSON.parse(stdout) as Record<string, unknown[]>;
  });

  /** What is expected of a vector, and what the outcome says of it. */
  function each(
    file: string,
    compare: (vector: Vector, outcome: unknown) => readonly [unknown, unknown],
  ): void {
    const vectors = load(file);
    expect(outcomes[file]).toHaveLength(vectors.length);
    for (const [at, vector] of vectors.entries()) {
      const [expected, found] = compare(vector, outcomes[file]?.[at]);
      expect({ vector, outcome: found }).toEqual({ vector, outcome: expected });
    }
  }

  test('probes', () => {
    each('discovery/probes', ({ outcome }, found) => [
      { outcome, sent: 'SERVICE DISCOVERY' },
      found,
    ]);
  });

  test('replies', () => {
    each('discovery/replies', ({ outcome, canonical, text }, found) => {
      const { kind } = outcome as { kind: string };
      // Why something is malformed is not on the wire.
      const meant = kind === 'malformed' ? { kind } : outcome;
      const { outcome: read, sent } = found as { outcome: unknown; sent?: unknown };
      return canonical === true
        ? [
            [meant, text],
            [read, sent],
          ]
        : [meant, read];
    });
  });

  test.each([
    ['discovery/names', 'name'],
    ['sharing/ids', 'id'],
    ['sharing/codes', 'code'],
    ['sharing/paths', 'refused'],
    ['sharing/digests', 'digest'],
  ])('%s', (file, key) => {
    each(file, (vector, found) => [vector[key], found]);
  });

  test('frames', () => {
    each('sharing/frames', ({ breach, frames, hex }, found) => [
      breach === true ? { breach } : { frames, hex },
      found,
    ]);
  });

  test('messages', () => {
    each('sharing/messages', ({ breach, means, text }, found) => [
      breach === true ? 'breach' : JSON.parse(String(means ?? text)),
      found,
    ]);
  });

  test.each(['sharing/pairing', 'sharing/cpace'])('%s', (file) => {
    each(file, (vector, found) => {
      const keys = Object.keys(found as Vector);
      expect(keys.length).toBeGreaterThan(3);
      return [Object.fromEntries(keys.map((key) => [key, vector[key]])), found];
    });
  });
});

function load(file: string): Vector[] {
  const read = JSON.parse(readFileSync(join(import.meta.dirname, `${file}.json`), 'utf8')) as
    Vector | Vector[];
  return Array.isArray(read) ? read : [read];
}
