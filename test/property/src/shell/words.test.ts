import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLine } from '#src/shell/words.js';

const word = fc.string({ unit: 'binary', maxLength: 20 });

function inSingle(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function inDouble(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

test('what is quoted comes back as it was', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(word, fc.constantFrom(inSingle, inDouble))),
      fc.constantFrom('linux', 'win32'),
      (words, platform) => {
        const line = words.map(([text, quoted]) => quoted(text)).join(' ');
        expect(splitLine(line, platform).words).toEqual(words.map(([text]) => text));
      },
    ),
  );
});
