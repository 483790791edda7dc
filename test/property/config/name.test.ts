import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadSettings } from '#config/load.js';
import { cleanName } from '#discovery/name.js';

function accepted(name: string): boolean {
  try {
    loadSettings({ defaults: { name: 'amber' }, environment: {}, flags: { name } });
    return true;
  } catch {
    return false;
  }
}

const odd = fc.constantFrom(
  ...[' ', '  ', '\u00a0', '\ufeff', '\u0308', '\u3164', '\u2800', '\ue000', '\ufe0f', '\ud800'],
  ...['\u212b', '\u{1f600}', 'SERVICE DISCOVERY', 'SERVICE', 'a', 'e', '\u1100', '\u1161'],
);
const names = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 140 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.array(odd, { maxLength: 8 }).map((parts) => parts.join('')),
);

test('a name that is accepted is announced as it is, and a name that is announced is accepted', () => {
  fc.assert(
    fc.property(names, (name) => {
      if (accepted(name)) expect(cleanName(name)).toBe(name);
      const clean = cleanName(name);
      if (clean !== null) expect(accepted(clean)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
