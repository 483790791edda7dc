import { anyBytes, anyCuts } from '../../support/fuzz.js';
import fc from 'fast-check';
import { test } from 'vitest';

test('any bytes are frames and messages, or a breach of protocol', () => {
  fc.assert(anyBytes, { numRuns: 2000 });
});

test('frames do not depend on how their bytes are cut', () => {
  fc.assert(anyCuts, { numRuns: 500 });
});
