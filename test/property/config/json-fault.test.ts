import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonFault } from '#config/json-fault.js';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON with one stretch replaced: most of these are broken somewhere in the middle. */
const damaged = fc
  .tuple(
    fc.json(),
    fc.nat(),
    fc.nat({ max: 3 }),
    fc.constantFrom('', ',', ']', '}', '"', '\\', '0', '-', '.', 'e', '\n', '\u007f', 'null'),
  )
  .map(([json, at, length, piece]) => {
    const start = at % (json.length + 1);
    return json.slice(0, start) + piece + json.slice(start + length);
  });

test('finds a fault exactly where JSON.parse throws', () => {
  const text = fc.oneof(damaged, fc.json(), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(text, (json) => {
      expect(findJsonFault(json) === undefined).toBe(parses(json));
    }),
    { numRuns: 2000 },
  );
});

test('the place lies within the text', () => {
  fc.assert(
    fc.property(damaged, (json) => {
      const fault = findJsonFault(json);
      if (fault === undefined) return;
      const line = json.split('\n')[fault.line - 1] ?? '';
      const atEnd = fault.found === undefined;
      expect(line.slice(fault.column - 1).startsWith(fault.found ?? '')).toBe(true);
      if (atEnd) expect(fault.column).toBe(line.length + 1);
    }),
  );
});
