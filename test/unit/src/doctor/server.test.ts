import { expect, test, vi } from 'vitest';
import type { Answered } from '#discovery/examine.js';
import { lookAtServer, type Sought, type Ways } from '#src/doctor/server.js';
import { amber } from './facts.js';
import { fakeSystem } from './fake-system.js';

const beryl: Answered = { ...amber, name: 'beryl', id: 'B'.repeat(52), port: 30_002 };
const stopping = new AbortController();
const options = {
  system: fakeSystem({}),
  interfaces: () => ({}),
  udpPort: 30_000,
  tcpPort: 30_001,
  signal: stopping.signal,
};
const sought: Sought = { host: 'beryl', port: undefined, id: undefined, seen: undefined };

/** Both servers of one machine answer, and what is knocked at is kept. */
function waysTo(answers: readonly Answered[]) {
  const knocks: number[] = [];
  const ways: Ways = {
    ask: () => Promise.resolve({ errors: new Map(), answers }),
    knock: ({ port }) => {
      knocks.push(port);
      return Promise.resolve('lanpost');
    },
    lookup: () => Promise.reject(new Error('ENOTFOUND')),
  };
  return { ways, knocks };
}

test.each<[string, Partial<Sought>, readonly Answered[]]>([
  ['by its name', {}, [amber, beryl]],
  ['by its name, found only when asked', { seen: { host: amber.address, port: 30_009 } }, []],
  ['as a known peer', { host: 'blue', id: beryl.id ?? '' }, [amber, beryl]],
  ['by address and port', { host: amber.address, port: 30_002 }, [amber, beryl]],
])('of two servers of one machine the one that is meant: %s', async (_, changes, found) => {
  const { ways, knocks } = waysTo([amber, beryl]);
  const facts = await lookAtServer({ ...sought, ...changes }, found, options, ways);
  expect(facts).toMatchObject({ address: amber.address, port: 30_002, answer: { name: 'beryl' } });
  expect(knocks).toEqual([30_002]);
});

test('a name that the system goes on looking for is nobody, after a while or at once when it is ended', async () => {
  vi.useFakeTimers();
  const { ways } = waysTo([]);
  const endless: Ways = { ...ways, lookup: () => new Promise(() => undefined) };
  const waited = lookAtServer(sought, [], options, endless);
  await vi.advanceTimersByTimeAsync(3000);
  expect((await waited).address).toBeNull();
  const ended = lookAtServer(sought, [], options, endless);
  stopping.abort();
  expect((await ended).address).toBeNull();
  vi.useRealTimers();
});
