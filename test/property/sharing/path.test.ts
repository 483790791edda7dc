import { safePaths } from '../../support/fuzz.js';
import fc from 'fast-check';
import { test } from 'vitest';

test('an accepted path stays below the root and can be shown', () => {
  fc.assert(safePaths, { numRuns: 5000 });
});
