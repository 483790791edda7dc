import fc from 'fast-check';
import { test } from 'vitest';
import { z } from 'zod';
import { isEntryRow, isOfferRow, isRange } from '#sharing/wire/rows.js';

const size = z.int().min(0);
const time = z.int();
const path = z.string().max(4096);
const u32 = size.max(0xffff_ffff);
const file = z.tuple([path, size, time, z.string().regex(/^[0-9a-f]{32}$/)]);
const refused = z.tuple([path, z.string().min(1).max(32), z.string().max(512)]);

/** The parts that rows are made of, good ones and others. */
const part = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom(0xffff_ffff, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), 0.5, NaN, Infinity),
  fc.constantFrom('', 'a.txt', 'file', 'folder', 'a'.repeat(256), 'a'.repeat(257)),
  fc.constantFrom('é'.repeat(4096), 'é'.repeat(4097)),
  fc.constantFrom('0f'.repeat(16), '0F'.repeat(16), `${'0f'.repeat(16)}\n`, '0f'.repeat(17)),
  fc.constantFrom(null, undefined, true, [], {}, [1, 2]),
);
const row = fc.oneof(
  fc.array(part, { maxLength: 5 }),
  fc.tuple(fc.string(), fc.nat(), fc.integer()),
  fc.tuple(fc.string(), fc.constantFrom('file', 'folder'), fc.nat(), fc.integer()),
  fc.tuple(fc.string(), fc.nat(), fc.integer(), fc.constant('0f'.repeat(16))),
  fc.tuple(
    fc.string(),
    fc.string({ maxLength: 34 }),
    fc.string({ minLength: 510, maxLength: 514 }),
  ),
  part,
);

test.each([
  [
    'an entry',
    isEntryRow,
    z.tuple([z.string().min(1).max(256), z.enum(['file', 'folder']), size, time]),
  ],
  [
    'an offer',
    isOfferRow,
    z.union([z.tuple([path, size, time]), file, z.tuple([path, time]), refused]),
  ],
  ['a range', isRange, z.tuple([u32, u32])],
])('%s is looked at as a schema would', (_what, isRow, schema) => {
  fc.assert(
    fc.property(row, (value) => isRow(value) === schema.safeParse(value).success),
    { numRuns: 3000 },
  );
});
