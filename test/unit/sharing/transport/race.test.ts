import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SharingError, type ErrorCode } from '#sharing/errors.js';
import type { Dialled, DialOptions } from '#sharing/transport/dial.js';
import { dialFirst, type Hosts, type RaceOptions } from '#sharing/transport/race.js';

/** What comes of dialling a host: after so many milliseconds this id, or this failure. */
type Fate = readonly [afterMs: number, what: { id: string } | { code: ErrorCode }];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Addresses with their fates, and what was done with them. */
function network(fates: Readonly<Record<string, Fate>>) {
  const dialled: { host: string; port: number; atMs: number; timeout: number }[] = [];
  const open = new Set<string>();
  const begun = performance.now();
  const dial = async ({ host, port, timeout, signal }: DialOptions): Promise<Dialled> => {
    dialled.push({ host, port, atMs: Math.round(performance.now() - begun), timeout });
    const [afterMs, what] = fates[host]!;
    await new Promise<void>((resolve, reject) => {
      const cancel = (): void => {
        clearTimeout(timer);
        reject(new SharingError('cancelled', host));
      };
      const late = (): void => {
        reject(new SharingError('connect-timeout', host));
      };
      const timer = setTimeout(afterMs < timeout ? resolve : late, Math.min(afterMs, timeout));
      signal?.addEventListener('abort', cancel);
      if (signal?.aborted) cancel();
    });
    if ('code' in what) throw new SharingError(what.code, host);
    open.add(host);
    const socket = { destroy: () => open.delete(host) };
    return { socket, serverId: what.id, address: host } as unknown as Dialled;
  };
  return { dial, dialled, open };
}

/** Dials to the end, whatever it is. */
async function race(
  fates: Readonly<Record<string, Fate>>,
  changes: Partial<RaceOptions> = {},
  whileRacing: () => void = () => undefined,
) {
  const { dial, dialled, open } = network(fates);
  const options = { port: 1, timeout: 10_000, expectedId: 'A', ...changes } as RaceOptions;
  const hosts = Object.keys(fates) as unknown as Hosts;
  const begun = performance.now();
  let endedMs = 0;
  const running = dialFirst({ ...options, hosts }, dial)
    .then(
      ({ host, serverId }) => `${host} ${serverId}`,
      (error: unknown) => (error instanceof SharingError ? error.code : error),
    )
    .finally(() => {
      endedMs = Math.round(performance.now() - begun);
    });
  whileRacing();
  await vi.advanceTimersByTimeAsync(30_000);
  return { outcome: await running, endedMs, dialled, open: [...open] };
}

const never: Fate = [1e9, { id: 'A' }];
const times = (dialled: readonly { host: string; atMs: number }[]) =>
  dialled.map(({ host, atMs }) => `${host} ${atMs}`);

test('one address that works is all that is dialled', async () => {
  const { outcome, dialled, open } = await race({ a: [50, { id: 'A' }], b: [1, { id: 'A' }] });
  expect(outcome).toBe('a A');
  expect(times(dialled)).toEqual(['a 0']);
  expect(open).toEqual(['a']);
});

test('one that does not answer is overtaken after 200 ms, and hung up', async () => {
  const { outcome, endedMs, dialled, open } = await race({
    a: never,
    b: never,
    c: [30, { id: 'A' }],
  });
  expect(outcome).toBe('c A');
  expect(times(dialled)).toEqual(['a 0', 'b 200', 'c 400']);
  expect(endedMs).toBe(430);
  expect(open).toEqual(['c']);
});

test('one that fails makes room for the next at once', async () => {
  const { outcome, dialled } = await race({
    a: [5, { code: 'connection-refused' }],
    b: [5, { code: 'unreachable' }],
    c: [5, { id: 'A' }],
  });
  expect(outcome).toBe('c A');
  expect(times(dialled)).toEqual(['a 0', 'b 5', 'c 10']);
});

test('when all fail, the failure of the best address is told', async () => {
  const { outcome, open } = await race({
    a: [900, { code: 'connection-refused' }],
    b: [5, { code: 'unreachable' }],
  });
  expect(outcome).toBe('connection-refused');
  expect(open).toEqual([]);
});

describe('somebody else at an address', () => {
  test('does not win while the right one may still answer', async () => {
    const { outcome, dialled, open } = await race({
      a: [500, { id: 'A' }],
      b: [5, { id: 'B' }],
    });
    expect(outcome).toBe('a A');
    expect(times(dialled)).toEqual(['a 0', 'b 200']);
    expect(open).toEqual(['a']);
  });

  test('makes room for the next at once', async () => {
    const { outcome, dialled, open } = await race({ a: [5, { id: 'B' }], b: [5, { id: 'A' }] });
    expect(outcome).toBe('b A');
    expect(times(dialled)).toEqual(['a 0', 'b 5']);
    expect(open).toEqual(['b']);
  });

  test('is told when nobody else answers, the first of them', async () => {
    const { outcome, open } = await race({
      a: [5, { code: 'unreachable' }],
      b: [5, { id: 'B' }],
      c: [5, { id: 'C' }],
      d: [900, { code: 'connect-timeout' }],
    });
    expect(outcome).toBe('b B');
    expect(open).toEqual(['b']);
  });

  test('is waited with for the others for 3 s, not until the time is over', async () => {
    const { outcome, endedMs, dialled, open } = await race({
      a: [100, { id: 'B' }],
      b: never,
      c: never,
    });
    expect([outcome, endedMs]).toEqual(['a B', 3100]);
    expect(times(dialled)).toEqual(['a 0', 'b 100', 'c 300']);
    expect(open).toEqual(['a']);
  });

  test('is as good as any when no key is expected', async () => {
    const { outcome } = await race(
      { a: [5, { id: 'B' }], b: [5, { id: 'A' }] },
      { expectedId: undefined },
    );
    expect(outcome).toBe('a B');
  });
});

test('all addresses share the time', async () => {
  const { outcome, dialled, endedMs } = await race(
    { a: never, b: never, c: never },
    { timeout: 300 },
  );
  expect(outcome).toBe('connect-timeout');
  expect(endedMs).toBeLessThan(310);
  expect(dialled.map(({ timeout }) => timeout)).toEqual([300, 250, 200]);
});

test('with very many addresses the last one is tried in time too', async () => {
  const liars = Array.from({ length: 127 }, (_, n) => [`liar${n}`, never] as const);
  const { outcome, endedMs } = await race(Object.fromEntries([...liars, ['z', [30, { id: 'A' }]]]));
  expect(outcome).toBe('z A');
  expect(endedMs).toBeLessThan(5100);
});

test('doors of other ports come after the hosts', async () => {
  const further = [{ host: 'b', port: 2 }];
  const { dial, dialled } = network({ a: [5, { id: 'B' }], b: [5, { id: 'A' }] });
  const options = { port: 1, timeout: 10_000, expectedId: 'A', further } as unknown as RaceOptions;
  const running = dialFirst({ ...options, hosts: ['a'] }, dial);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await running).toMatchObject({ host: 'b', port: 2, serverId: 'A' });
  expect(dialled.map(({ host, port }) => `${host} ${port}`)).toEqual(['a 1', 'b 2']);
});

describe('an abort', () => {
  test('before the start', async () => {
    const { outcome, dialled } = await race(
      { a: [5, { id: 'A' }], b: [5, { id: 'A' }] },
      { signal: AbortSignal.abort() },
    );
    expect(outcome).toBe('cancelled');
    expect(dialled).toHaveLength(1);
  });

  test('in the middle leaves nothing open, somebody else among them', async () => {
    const stop = new AbortController();
    const { outcome, open, endedMs } = await race(
      { a: [5, { id: 'B' }], b: never, c: never },
      { signal: stop.signal },
      () => {
        setTimeout(() => {
          stop.abort();
        }, 100);
      },
    );
    expect(outcome).toBe('cancelled');
    expect(endedMs).toBe(100);
    expect(open).toEqual([]);
  });
});
