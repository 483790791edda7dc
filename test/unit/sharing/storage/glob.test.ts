import { isGlob, matchesGlob } from '#sharing/storage/glob.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

test.each([
  ['a.txt', false],
  ['', false],
  ['a]b', false],
  ['a*', true],
  ['a?', true],
  ['a[', true],
])('%j may stand for several names: %s', (text, expected) => {
  expect(isGlob(text)).toBe(expected);
});

describe('a pattern', () => {
  test.each([
    ['*', '', true],
    ['*', 'anything at all', true],
    ['', '', true],
    ['', 'a', false],
    ['a', 'a', true],
    ['a', 'A', false],
    ['a', 'ab', false],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    // One character, though two units of UTF-16 and four bytes.
    ['?', '🏝', true],
    ['??', '🏝', false],
    ['*.txt', 'a.txt', true],
    ['*.txt', '.txt', true],
    ['*.txt', 'a.txt.gz', false],
    ['a*b*c', 'a1b2b3c', true],
    ['a*b*c', 'a1c2b', false],
    ['**', 'a', true],
    ['*a*', 'bab', true],
    ['a**?b', 'axb', true],
    ['a**?b', 'ab', false],
    // What means something in a regular expression means nothing here.
    ['a.c', 'abc', false],
    ['(a|b)+$', '(a|b)+$', true],
    ['a\\*', 'a*', false],
    ['a\\*', 'a\\x', true],
  ])('%j and the name %j: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test.each([
    ['[abc]', 'b', true],
    ['[abc]', 'd', false],
    ['[abc]', '', false],
    ['[a-c]', 'b', true],
    ['[a-c]', '-', false],
    ['[c-a]', 'b', false],
    ['[a-cx-z]', 'y', true],
    ['[a-cx-z]', 'm', false],
    ['[!a-c]', 'd', true],
    ['[!a-c]', 'b', false],
    // A dash that stands first or last, or has nothing after it, is itself.
    ['[-a]', '-', true],
    ['[a-]', '-', true],
    ['[a-]', 'b', false],
    ['[a-c-e]', '-', true],
    ['[a-c-e]', 'd', false],
    // A bracket that stands first is one of the characters.
    ['[]]', ']', true],
    ['[]a]', 'a', true],
    ['[!]]', ']', false],
    ['[!]]', 'a', true],
    // A call sign that stands later is one of them too.
    ['[a!]', '!', true],
    ['[!!]', '!', false],
    // One that is never closed is itself.
    ['[', '[', true],
    ['[]', '[]', true],
    ['[!]', '[!]', true],
    ['[ab', '[ab', true],
    ['[ab', 'a', false],
    ['[*]', '*', true],
    ['[*]', 'a', false],
    ['[?]x', '?x', true],
    ['a[0-9]*', 'a1.txt', true],
    ['a[0-9]*', 'ax1.txt', false],
    ['[🏝-🏞]', '🏝', true],
  ])('%j and the name %j: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test('says the same as a regular expression that is made of it', () => {
    const piece = fc.oneof(
      fc.constantFrom('*', '?', 'a', 'b', '.', '🏝', '-', '!', ']', '['),
      fc
        .tuple(fc.boolean(), fc.array(fc.constantFrom('a', 'b', 'c', '-', '!', '.', '🏝')))
        .map(([none, inside]) => `[${none ? '!' : ''}${inside.join('')}]`),
    );
    const pattern = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c', '.', '-', '!', ']', '[', '🏝', '\n'), { maxLength: 4 })
      .map((characters) => characters.join(''));
    let matched = 0;
    fc.assert(
      fc.property(pattern, name, (one, other) => {
        const matches = matchesGlob(one, other);
        if (matches) matched += 1;
        expect(matches).toBe(expressionOf(one).test(other));
      }),
      { numRuns: 3000 },
    );
    // Else two that never match would agree as well.
    expect(matched).toBeGreaterThan(100);
  });

  // By units of UTF-16, what is beyond U+FFFF would come before U+E000.
  test.each([
    ['[\ue000-\u{10ffff}]', '🏝', true],
    ['[a-\uffff]', '🏝', false],
  ])('a range goes by the numbers of characters: %j and %j: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test.each([
    ['many stars, and an end that never comes', 'a'.repeat(240), `${'*[a-a]'.repeat(100)}*[b-b]`],
    [
      'one star, and a long piece that nearly comes',
      'a'.repeat(240),
      `*${'[a-a]'.repeat(100)}[b-b]`,
    ],
    ['more parts than the name has characters', 'a'.repeat(240), `${'*[a-a]'.repeat(400)}*[b-b]`],
  ])('is looked at a bounded number of times: %s', (_, name, pattern) => {
    const counted = countingName(name);
    expect(matchesGlob(pattern, counted.name)).toBe(false);
    const parts = (pattern.match(/\*|\[.-.\]/g) ?? []).length;
    expect(counted.looks()).toBeGreaterThan(0);
    // Two comparisons for a range.
    expect(counted.looks()).toBeLessThanOrEqual(2 * parts * name.length);
  });
});

/** A name whose characters count how often they are compared with the end of a range. */
function countingName(text: string): { name: string; looks: () => number } {
  let looks = 0;
  const characters = Array.from(text).map((character) => ({
    codePointAt: () => {
      looks += 1;
      return character.codePointAt(0);
    },
  }));
  return { name: characters as unknown as string, looks: () => looks };
}

/** The reference: written for its clearness, and not for patterns of strangers. */
function expressionOf(pattern: string): RegExp {
  const characters = Array.from(pattern);
  let source = '';
  for (let at = 0; at < characters.length; at += 1) {
    const one = characters[at]!;
    const none = characters[at + 1] === '!';
    const end = one === '[' ? characters.indexOf(']', at + (none ? 3 : 2)) : -1;
    if (end > 0) {
      source += classOf(characters.slice(at + (none ? 2 : 1), end), none);
      at = end;
    } else if (one === '*') source += '.*';
    else source += one === '?' ? '.' : escaped(one);
  }
  return new RegExp(`^${source}$`, 'su');
}

function classOf(inside: readonly string[], none: boolean): string {
  const choices: string[] = [];
  for (let at = 0; at < inside.length; at += 1) {
    const [from, dash, to] = inside.slice(at, at + 3);
    if (dash !== '-' || to === undefined) choices.push(escaped(from!));
    else {
      // A regular expression refuses a range that is the wrong way round; here it holds nothing.
      if (from! <= to) choices.push(`[${escaped(from!)}-${escaped(to)}]`);
      at += 2;
    }
  }
  const any = choices.length === 0 ? '(?!)' : `(?:${choices.join('|')})`;
  return none ? `(?!${any}).` : any;
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
