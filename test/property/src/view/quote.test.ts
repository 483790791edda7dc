import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonLine } from '#src/view/json.js';
import { quote } from '#src/view/quote.js';

/** Controls, halves of pairs, line separators, and what turns the direction of writing. */
const harmful = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
/** Takes no room on the screen, so that two names look alike. Emoji need U+200D and U+FE0F. */
const invisible = /[\u200b\u200c\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

const foreign = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      ...['\u001b', '[', '2', 'J', '\r', '\n', '\t', '\b', '\u0007', '\u007f', '\u009b', '\u0085'],
      ...['\u202e', '\u2066', '\u200f', '\u061c', '\u2028', '\u200b', '\ufeff', '\u{e0041}'],
      ...['\ud800', '\udc00', '\\', 'u', '{', '}', 'a', '🎈', 'é'],
    ),
    maxLength: 300,
  }),
);

test('nothing that moves the cursor, hides or turns text passes', () => {
  fc.assert(
    fc.property(foreign, (text) => {
      const shown = quote(text);
      expect(shown).not.toMatch(harmful);
      expect(shown).not.toMatch(invisible);
    }),
    { numRuns: 1000 },
  );
});

test('each of these by itself', () => {
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const character = String.fromCodePoint(code);
    if (!harmful.test(character) && !invisible.test(character)) continue;
    expect(quote(character)).toBe(`\\u{${code.toString(16)}}`);
  }
});

test('what was not cut can be read back exactly: no two texts look alike', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 190 }), (text) => {
      const back = quote(text).replace(/\\\\|\\u\{([0-9a-f]+)\}/g, (_, code: string | undefined) =>
        code === undefined ? '\\' : String.fromCodePoint(Number.parseInt(code, 16)),
      );
      expect(back).toBe(text);
    }),
  );
});

test('a line of JSON holds any text whole, and none of it raw', () => {
  fc.assert(
    fc.property(foreign, foreign, (path, message) => {
      const line = jsonLine({ event: 'failed', path, code: 'internal', message, exit: 1 });
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(harmful);
      expect(JSON.parse(line)).toMatchObject({ path, message });
    }),
    { numRuns: 1000 },
  );
});
