import { diskPace, paceOf, slices, type DiskPace } from '#sharing/storage/disk-pace.js';
import { expect, test } from 'vitest';

/** A turn of the thread that never ends. */
const endless = { used: () => undefined, next: () => undefined, waited: () => 0 };

/** A pace whose clock moves by what each call on this thread takes; it tells in which way a call was made. */
function watched(): {
  call: (time: number) => string;
  wait: (time: number) => void;
  pace: DiskPace;
} {
  let now = 1000;
  const pace = diskPace(() => now, endless);
  return {
    pace,
    wait: (time) => {
      now += time;
    },
    call(time) {
      let way = '';
      void pace.run(
        () => {
          way = 'here';
          now += time;
        },
        () => {
          way = 'elsewhere';
          return Promise.resolve();
        },
      );
      return way;
    },
  };
}

test('a disk that answers at once is asked on this thread, and no promise is made of it', () => {
  const { call, pace } = watched();
  for (let at = 0; at < 3; at += 1) expect(call(5)).toBe('here');
  expect(
    pace.run(
      () => 7,
      () => Promise.resolve(8),
    ),
  ).toBe(7);
});

test('a slow call is the last one for twenty times as long', () => {
  const { call, wait } = watched();
  expect(call(10)).toBe('here');
  wait(199);
  expect(call(0)).toBe('elsewhere');
  wait(1);
  expect(call(0)).toBe('here');
  expect(call(0)).toBe('here');
});

test('a disk that is slow each time it is tried again is left alone for longer, up to 320 times', async () => {
  const { call, wait } = watched();
  for (const times of [20, 80, 320, 320]) {
    expect(call(10)).toBe('here');
    wait(10 * times - 1);
    expect(call(10)).toBe('elsewhere');
    await new Promise(setImmediate);
    wait(1);
  }
});

test('each quick call takes back what a slow one has added to the rest', () => {
  const { call, wait } = watched();
  call(10);
  wait(200);
  call(10);
  wait(800);
  expect(call(0)).toBe('here');
  expect(call(0)).toBe('here');
  expect(call(10)).toBe('here');
  wait(199);
  expect(call(0)).toBe('elsewhere');
  wait(1);
  expect(call(0)).toBe('here');
});

test.each([
  [50, 'here'],
  [51, 'elsewhere'],
])('after %i ms in the thread pool the next call is made %s', async (time, way) => {
  const { call, wait, pace } = watched();
  call(10);
  const later = (): Promise<void> => {
    wait(time);
    return Promise.resolve();
  };
  wait(199);
  await pace.run(() => undefined, later);
  expect(call(0)).toBe(way);
  wait(80 * time);
  expect(call(0)).toBe('here');
});

test('what a thread waited for a processor is not the time of a disk', async () => {
  let [now, waited] = [0, 0];
  const pace = diskPace(
    () => now,
    slices(() => waited),
  );
  const call = (time: number, waiting: number): unknown =>
    pace.run(
      () => {
        now += time;
        waited += waiting;
        return 'here';
      },
      () => Promise.resolve('elsewhere'),
    );
  // What it waited before its first call of a turn says nothing of the disk.
  waited = 70;
  expect(await call(12, 11)).toBe('here');
  expect(await call(12, 7)).toBe('here');
  expect(await call(12, 6)).toBe('here');
  expect(await call(0, 0)).toBe('elsewhere');
});

test('a call that took very long does not keep the disk away for ever', () => {
  const { call, wait } = watched();
  call(60_000);
  wait(599_999);
  expect(call(0)).toBe('elsewhere');
  wait(1);
  expect(call(0)).toBe('here');
});

test('two calls at most are elsewhere at once, in the order in which they came', async () => {
  const { call, pace } = watched();
  call(10);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map(async (number) =>
    pace.run(
      () => undefined,
      () => {
        began.push(number);
        return new Promise<void>((resolve) => {
          ends[number] = resolve;
        });
      },
    ),
  );
  expect(began).toEqual([0, 1]);
  ends[1]?.();
  await all[1];
  await Promise.resolve();
  expect(began).toEqual([0, 1, 2]);
  ends[0]?.();
  await all[0];
  await Promise.resolve();
  expect(began).toEqual([0, 1, 2, 3]);
  ends[2]?.();
  ends[3]?.();
  await Promise.all(all);
});

test('a call that fails elsewhere gives its place to the next', async () => {
  const { call, pace } = watched();
  call(10);
  const fails = (): Promise<never> => Promise.reject(new Error('EIO'));
  const all = [0, 1, 2, 3].map(async () => pace.run(fails, fails));
  const ended = await Promise.allSettled(all);
  expect(ended.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
});

test('a device has one pace', () => {
  expect(paceOf(7n)).toBe(paceOf(7n));
  expect(paceOf(7n)).not.toBe(paceOf(8n));
});

test('a call that fails counts like any other, and fails', () => {
  let now = 0;
  const pace = diskPace(() => now, endless);
  const failing = (): never => {
    now += 100;
    throw new Error('EIO');
  };
  expect(() => pace.run(failing, () => Promise.resolve())).toThrow('EIO');
  expect(
    pace.run(
      () => 'here',
      () => Promise.resolve('elsewhere'),
    ),
  ).toBeInstanceOf(Promise);
});

test('many quick calls leave room for others between them, in their order', async () => {
  let now = 0;
  const pace = diskPace(() => now);
  const order: string[] = [];
  const call = (name: string): unknown =>
    pace.run(
      () => {
        now += 0.7;
        order.push(name);
      },
      () => Promise.reject(new Error('a quick disk is asked on this thread')),
    );
  // Whatever was used of this turn by others is not ours to count.
  await new Promise(setImmediate);
  setImmediate(() => order.push('another'));
  const calls = ['a', 'b', 'c', 'd', 'e'].map(call);
  expect(order).toEqual(['a', 'b', 'c']);
  await Promise.all(calls);
  expect(order).toEqual(['a', 'b', 'c', 'another', 'd', 'e']);
});
