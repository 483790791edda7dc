import { clientSessions, receivers, senders, serverSessions } from '../../support/fuzz.js';
import fc from 'fast-check';
import { test } from 'vitest';

test.each([
  ['a server', serverSessions],
  ['a client', clientSessions],
  ['a receiver', receivers],
  ['a sender', senders],
])('%s takes any sequence without a fault', (_who, property) => {
  fc.assert(property as fc.IProperty<unknown>, { numRuns: 1000 });
});
