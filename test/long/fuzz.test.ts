import {
  anyBytes,
  anyCuts,
  clientSessions,
  receivers,
  safePaths,
  senders,
  serverSessions,
} from '../support/fuzz.js';
import fc from 'fast-check';
import { test, vi } from 'vitest';

vi.setConfig({ testTimeout: 1_800_000 });

test.each<[string, unknown, number]>([
  ['any bytes', anyBytes, 100_000],
  ['any cuts', anyCuts, 20_000],
  ['any path', safePaths, 100_000],
  ['any session of a server', serverSessions, 100_000],
  ['any session of a client', clientSessions, 100_000],
  ['any transfer of a receiver', receivers, 100_000],
  ['any transfer of a sender', senders, 100_000],
])('%s', (_what, property, numRuns) => {
  fc.assert(property as fc.IProperty<unknown>, { numRuns });
});
