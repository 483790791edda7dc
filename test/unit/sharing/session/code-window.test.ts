import { beforeEach, describe, expect, test } from 'vitest';
import { codeWindow, pairingLimits, type CodeWindow } from '#sharing/session/code-window.js';

let time = 0;
let window: CodeWindow;
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

beforeEach(() => {
  time = 1_000_000;
  window = codeWindow(() => time);
});

/** One wrong guess from `address`. */
function guess(address: string): void {
  using run = window.begin(address);
  time += run.wait();
  run.reserve();
}

describe('a code', () => {
  test('is good until it is too old', () => {
    expect(window.code()).toBeUndefined();
    window.open('AAAA0000', 1);
    const expires = time + 10 * 60_000;
    time = expires - 1;
    expect(window.code()).toBe('AAAA0000');
    time = expires;
    expect(window.code()).toBeUndefined();
    expect(() => window.begin('a')).toThrow(code('not-known'));
  });

  test('is good for as many machines as it was made for', () => {
    window.open('AAAA0000', 2);
    for (const address of ['a', 'b']) {
      using run = window.begin(address);
      run.reserve();
      run.succeed();
    }
    expect(window.code()).toBeUndefined();
  });

  test('is void when a new one is made, also for a run that has begun', () => {
    window.open('AAAA0000', 1);
    using run = window.begin('a');
    window.open('BBBB0000', 1);
    expect(() => {
      run.reserve();
    }).toThrow(code('not-known'));
    expect(window.code()).toBe('BBBB0000');
  });

  test('does not outlive 20 wrong guesses, from wherever they come', () => {
    window.open('AAAA0000', 1);
    for (let n = 0; n < 20; n += 1) guess(`10.0.0.${n}`);
    expect(window.code()).toBeUndefined();
  });
});

describe('guessing', () => {
  test('5 wrong ones shut an address out, and nobody else, for 10 minutes', () => {
    window.open('AAAA0000', 1);
    for (let n = 0; n < 5; n += 1) guess('a');
    expect(() => window.begin('a')).toThrow(code('locked-out'));
    window.begin('b')[Symbol.dispose]();
    window.open('BBBB0000', 1);
    expect(() => window.begin('a')).toThrow(code('locked-out'));
    time += pairingLimits.shutOutTime;
    window.open('CCCC0000', 1);
    window.begin('a')[Symbol.dispose]();
  });

  test('counts before it is judged: who runs away has guessed', () => {
    window.open('AAAA0000', 1);
    for (let n = 0; n < 5; n += 1) guess('a');
    expect(() => {
      guess('a');
    }).toThrow(code('locked-out'));
  });

  test('a right proof after wrong ones clears the address', () => {
    window.open('AAAA0000', 9);
    for (let n = 0; n < 4; n += 1) guess('a');
    using run = window.begin('a');
    run.reserve();
    run.succeed();
    for (let n = 0; n < 3; n += 1) {
      run[Symbol.dispose]();
      guess('a');
    }
    expect(() => window.begin('a')).not.toThrow();
  });

  test('one is judged per second', () => {
    window.open('AAAA0000', 1);
    guess('a');
    using run = window.begin('b');
    expect(run.wait()).toBe(1000);
    time += 400;
    expect(run.wait()).toBe(600);
  });

  test('four pair at once, one from an address', () => {
    window.open('AAAA0000', 9);
    const runs = ['a', 'b', 'c', 'd'].map((address) => window.begin(address));
    expect(() => window.begin('e')).toThrow(code('too-many-transfers'));
    runs[0]?.[Symbol.dispose]();
    expect(() => window.begin('b')).toThrow(code('too-many-transfers'));
    window.begin('e')[Symbol.dispose]();
  });

  test('many addresses do not fill the memory: the oldest is forgotten, and may guess again', () => {
    // All in one moment, or the time would clear them.
    const shutOut = (address: string): void => {
      for (let n = 0; n < pairingLimits.wrongPerAddress; n += 1) {
        window.open('AAAA0000', 1);
        using run = window.begin(address);
        run.reserve();
      }
    };
    for (let n = 0; n < pairingLimits.maxAddresses; n += 1) shutOut(`address ${n}`);
    expect(() => window.begin('address 0')).toThrow(code('locked-out'));
    shutOut('one more');
    window.begin('address 0')[Symbol.dispose]();
    expect(() => window.begin('one more')).toThrow(code('locked-out'));
  });

  test('what comes of nothing leaves the code good, unless there is a new one', () => {
    window.open('AAAA0000', 1);
    const use = (address: string): void => {
      using run = window.begin(address);
      run.reserve();
      run.succeed();
      expect(window.code()).toBeUndefined();
      run.giveBack();
    };
    use('a');
    expect(window.code()).toBe('AAAA0000');
    using late = window.begin('b');
    late.reserve();
    late.succeed();
    window.open('BBBB0000', 1);
    late.giveBack();
    expect(window.code()).toBe('BBBB0000');
    use('c');
    expect(window.code()).toBe('BBBB0000');
  });
});

test('of several that wait, one is judged a second', () => {
  window.open('AAAA0000', 1);
  const runs = ['a', 'b', 'c'].map((address) => window.begin(address));
  runs[0]!.reserve();
  expect(runs.map((run) => run.wait())).toEqual([1000, 1000, 1000]);
  time += 1000;
  runs[1]!.reserve();
  expect(runs[2]!.wait()).toBe(1000);
});

test('an end that is said twice frees nobody else', () => {
  window.open('AAAA0000', 1);
  const first = window.begin('a');
  first[Symbol.dispose]();
  using _second = window.begin('a');
  first[Symbol.dispose]();
  expect(() => window.begin('a')).toThrow(code('too-many-transfers'));
});

test('the time of being shut out begins with the last wrong proof', () => {
  window.open('AAAA0000', 1);
  for (let n = 0; n < 5; n += 1) {
    guess('a');
    time += 100_000;
  }
  expect(() => window.begin('a')).toThrow(code('locked-out'));
});
