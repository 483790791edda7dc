import type { ClientSession, GetOptions, LeftOut } from '#sharing/client.js';
import { SharingError, type ErrorCode } from '#sharing/errors.js';
import { steadySession, type SteadyOptions } from '#sharing/steady.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const received: LeftOut = { links: 0, hidden: 0 };
const lost = new SharingError('connection-lost', 'cut');
const wish = { folder: '', receivedPrefix: '', onEnded: () => undefined };

type Get = (path: string, options: GetOptions) => Promise<LeftOut>;

/** A session whose gets end as they are told, one after the other. */
function session(...gets: Get[]): ClientSession & { end(error?: SharingError): void } {
  let end!: (error: SharingError | undefined) => void;
  const closed = new Promise<SharingError | undefined>((resolve) => (end = resolve));
  return {
    server: { id: 'ID' },
    closed,
    end: (error?: SharingError) => {
      end(error);
    },
    get: (path: string, options: GetOptions) => gets.shift()!(path, options),
    getList: (paths: readonly string[], options: GetOptions) =>
      gets.shift()!(paths.join(' '), options),
    bye: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } as unknown as ClientSession & { end(error?: SharingError): void };
}

const breaks =
  (code: ErrorCode = 'connection-lost', bytes = 0): Get =>
  (_, { onProgress }) => {
    onProgress?.({ phase: 'sending', bytes, size: 100 });
    return Promise.reject(new SharingError(code, 'broken'));
  };
const arrives: Get = () => Promise.resolve(received);

function steady(first: ClientSession, options: Partial<SteadyOptions>): ClientSession {
  return steadySession(first, {
    reopen: () => Promise.reject(lost),
    patience: 60_000,
    onBroken: () => undefined,
    onBack: () => undefined,
    wait,
    ...options,
  });
}

/** By the clock that the tests turn. */
function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', onAbort);
    setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
  });
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a steady session', () => {
  test('comes back to the same key, says so, and goes on', async () => {
    const said: string[] = [];
    const reopen = vi.fn((id: string) => {
      said.push(`reopen ${id}`);
      return said.length < 4 ? Promise.reject(lost) : Promise.resolve(session(arrives));
    });
    const one = steady(session(breaks()), {
      reopen,
      onBroken: ({ code }) => said.push(code),
      onBack: () => said.push('back'),
    });
    const outcome = one.get('a', wish);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await outcome).toBe(received);
    expect(said).toEqual(['connection-lost', 'reopen ID', 'reopen ID', 'reopen ID', 'back']);
  });

  test.each<ErrorCode>(['not-found', 'cancelled'])(
    'what no connection can mend stays: %s',
    async (code) => {
      const reopen = vi.fn();
      const one = steady(session(breaks(code)), { reopen });
      await expect(one.get('a', wish)).rejects.toMatchObject({ code });
      expect(reopen).not.toHaveBeenCalled();
    },
  );

  test('of a list only what has not come is asked for again', async () => {
    const first: Get = (_, { onEnded }) => {
      onEnded({ outcome: 'received', path: 'a', as: 'a', size: 1, digest: '' });
      onEnded({ outcome: 'failed', path: 'b', error: new SharingError('not-found', 'b') });
      return Promise.reject(lost);
    };
    const second = vi.fn(arrives);
    const one = steady(session(first), { reopen: () => Promise.resolve(session(second)) });
    const outcome = one.getList(['a/', 'b', 'c'], wish);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await outcome).toBe(received);
    expect(second).toHaveBeenCalledWith('b c', expect.anything());
  });

  test('another key there is a hard stop', async () => {
    const reopen = (): Promise<never> => Promise.reject(new SharingError('key-changed', ''));
    const outcome = steady(session(breaks()), { reopen }).get('a', wish);
    const ends = expect(outcome).rejects.toMatchObject({ code: 'key-changed' });
    await vi.advanceTimersByTimeAsync(5000);
    await ends;
  });

  test('a server that was stopped may come back', async () => {
    const said: string[] = [];
    const one = steady(session(breaks('shutting-down')), {
      reopen: () => Promise.resolve(session(arrives)),
      onBroken: ({ code }) => said.push(code),
      onBack: () => said.push('back'),
    });
    const outcome = one.get('a', wish);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await outcome).toBe(received);
    expect(said).toEqual(['shutting-down', 'back']);
  });

  test('gives up with the first reason when its patience is over', async () => {
    const outcome = steady(session(breaks('peer-silent')), {}).get('a', wish);
    const ends = expect(outcome).rejects.toMatchObject({ code: 'peer-silent' });
    await vi.advanceTimersByTimeAsync(61_000);
    await ends;
  });

  test('gives up when it breaks again and again without a byte, not when it moves', async () => {
    const still = { reopen: () => Promise.resolve(session(breaks())) };
    const outcome = steady(session(breaks()), still).get('a', wish);
    const ends = expect(outcome).rejects.toMatchObject({ code: 'connection-lost' });
    await vi.advanceTimersByTimeAsync(30_000);
    await ends;
    let bytes = 0;
    const moving = {
      reopen: () => {
        bytes += 1;
        return Promise.resolve(session(bytes < 20 ? breaks('stalled', bytes) : arrives));
      },
    };
    const whole = steady(session(breaks()), moving).get('a', wish);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await whole).toBe(received);
  });

  test('Ctrl-C while it waits is the end', async () => {
    const stop = new AbortController();
    const outcome = steady(session(breaks()), {}).get('a', { ...wish, signal: stop.signal });
    const ends = expect(outcome).rejects.toMatchObject({ code: 'cancelled' });
    await vi.advanceTimersByTimeAsync(1000);
    stop.abort();
    await ends;
  });

  test('is over when its connection ends while nothing is transferred', async () => {
    const first = session();
    const one = steady(first, {});
    first.end(lost);
    expect(await one.closed).toBe(lost);
  });

  test('is not over while it comes back, and ends with the new connection', async () => {
    const [first, second] = [session(breaks()), session(arrives)];
    const one = steady(first, { reopen: () => Promise.resolve(second) });
    const outcome = one.get('a', wish);
    first.end(lost);
    await vi.advanceTimersByTimeAsync(5000);
    await outcome;
    second.end();
    expect(await one.closed).toBeUndefined();
  });

  test('brings all transfers of a connection back with one new connection', async () => {
    const said: string[] = [];
    const reopen = vi.fn(() => Promise.resolve(session(arrives, arrives)));
    const one = steady(session(breaks(), breaks('peer-silent')), {
      reopen,
      onBroken: ({ code }) => said.push(code),
      onBack: () => said.push('back'),
    });
    const both = Promise.all([one.get('a', wish), one.get('b', wish)]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await both).toEqual([received, received]);
    expect(reopen).toHaveBeenCalledTimes(1);
    expect(said).toEqual(['connection-lost', 'back']);
  });

  test('does not close the new connection for a transfer that hears late of the break', async () => {
    const reopen = vi.fn(() => Promise.resolve(session(arrives, arrives)));
    const late: Get = (path, options) =>
      new Promise((resolve) => setTimeout(resolve, 2000)).then(() => breaks()(path, options));
    const one = steady(session(breaks(), late), { reopen });
    const both = Promise.all([one.get('a', wish), one.get('b', wish)]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await both).toEqual([received, received]);
    expect(reopen).toHaveBeenCalledTimes(1);
  });

  test('Ctrl-C ends one transfer that waits, and the other one comes back', async () => {
    const stop = new AbortController();
    const one = steady(session(breaks(), breaks()), {
      reopen: () => Promise.resolve(session(arrives)),
    });
    const first = one.get('a', { ...wish, signal: stop.signal });
    const ends = expect(first).rejects.toMatchObject({ code: 'cancelled' });
    const second = one.get('b', wish);
    await vi.advanceTimersByTimeAsync(100);
    stop.abort();
    await ends;
    await vi.advanceTimersByTimeAsync(5000);
    expect(await second).toBe(received);
  });

  test('bye while it comes back is the end, and the new connection is closed', async () => {
    const [first, second] = [session(breaks()), session()];
    const close = vi.spyOn(second, Symbol.asyncDispose);
    const one = steady(first, {
      reopen: () => new Promise((resolve) => setTimeout(resolve, 1000, second)),
    });
    const outcome = one.get('a', wish);
    const ends = expect(outcome).rejects.toMatchObject({ code: 'cancelled' });
    first.end(lost);
    await vi.advanceTimersByTimeAsync(500);
    await one.bye();
    await vi.advanceTimersByTimeAsync(5000);
    await ends;
    expect(await one.closed).toBe(lost);
    expect(close).toHaveBeenCalledTimes(1);
  });

  test('what bye breaks off stays so', async () => {
    const reopen = vi.fn();
    const cut = breaks();
    let end!: () => void;
    const ending = new Promise<void>((resolve) => (end = resolve));
    const first = session((path, options) => ending.then(() => cut(path, options)));
    const one = steady(first, { reopen });
    const ends = expect(one.get('a', wish)).rejects.toMatchObject({ code: 'connection-lost' });
    await one.bye();
    end();
    await ends;
    expect(reopen).not.toHaveBeenCalled();
  });
});
