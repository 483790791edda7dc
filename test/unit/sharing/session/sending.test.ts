import { describe, expect, test } from 'vitest';
import { SharingError } from '#sharing/errors.js';
import {
  sendRules,
  sendWindow,
  type FileReport,
  type SendAction,
} from '#sharing/session/sending.js';

const digest = `blake3:${'0'.repeat(64)}`;
const all: FileReport = { want: 'all', file: 0 };
const got = (chunk: number, ...also: number[]): FileReport => ({
  t: 'got',
  id: 1,
  file: 0,
  chunk,
  ...(also.length > 0 && { also }),
});
const receipt: FileReport = { t: 'receipt', id: 1, file: 0, as: 'new_a', size: 3, digest };
const identical: FileReport = {
  want: 'nothing',
  file: 0,
  reason: 'identical',
  as: 'new_a',
  digest,
};
const fail: FileReport = { t: 'fail', id: 1, file: 0, code: 'no-room', message: 'full' };

function actions(chunks: number, ...script: (FileReport | 'next')[]): SendAction[] {
  const rules = sendRules(chunks);
  const done: SendAction[] = [];
  for (const step of script) {
    if (step !== 'next') rules.receive(step);
    else {
      const action = rules.next();
      done.push(action);
      if (action.do === 'end') rules.ended();
    }
  }
  return done;
}

const breach = expect.objectContaining({ code: 'protocol' }) as Error;

describe('sending', () => {
  test('nothing moves before the receiver has said what it wants', () => {
    expect(actions(3, 'next', 'next')).toEqual([{ do: 'wait' }, { do: 'wait' }]);
  });

  test('all chunks in order, then the end, then the receipt', () => {
    expect(
      actions(2, all, 'next', 'next', 'next', got(0), got(1), 'next', receipt, 'next'),
    ).toEqual([
      { do: 'chunk', chunk: 0 },
      { do: 'chunk', chunk: 1 },
      { do: 'end' },
      { do: 'wait' },
      { do: 'stop', outcome: { kind: 'stored', as: 'new_a', size: 3, digest } },
    ]);
  });

  test('several chunks are confirmed by one word', () => {
    expect(
      actions(3, all, 'next', 'next', 'next', got(1, 0, 2), 'next', receipt, 'next').at(-1),
    ).toMatchObject({ do: 'stop', outcome: { kind: 'stored' } });
  });

  test.each([
    ['twice in one word', got(0, 1, 0)],
    ['before it went out', got(0, 2)],
  ])('a chunk that is confirmed %s is a breach', (_, word) => {
    expect(() => actions(3, all, 'next', 'next', word)).toThrow(breach);
  });

  test('an empty file has an end and no chunk', () => {
    expect(actions(0, all, 'next')).toEqual([{ do: 'end' }]);
  });

  test('a source that fails at the last look ends without an end', () => {
    const rules = sendRules(0);
    rules.receive(all);
    expect(rules.next()).toEqual({ do: 'end' });
    rules.giveUp(new SharingError('changed', ''));
    expect(rules.next()).toMatchObject({ do: 'retract' });
    expect(rules.next()).toMatchObject({ do: 'stop', outcome: { error: { code: 'changed' } } });
  });

  test('what is taken back after the end waits for the last word', () => {
    const rules = sendRules(0);
    rules.receive(all);
    rules.next();
    rules.ended();
    rules.giveUp(new SharingError('cancelled', ''));
    expect(rules.next()).toMatchObject({ do: 'retract' });
    expect(rules.next()).toEqual({ do: 'wait' });
    rules.receive(receipt);
    expect(rules.next()).toMatchObject({ do: 'stop', outcome: { kind: 'stored' } });
  });

  test('what else is wanted is sent after the rest, and ended again; each at most twice', () => {
    const also: FileReport = { want: 'ranges', file: 0, ranges: [[0, 2]] };
    const rules = sendRules(2);
    rules.receive(also);
    expect([rules.next(), rules.next(), rules.next()].map((action) => action.do)).toEqual([
      'chunk',
      'chunk',
      'end',
    ]);
    rules.ended();
    rules.receive(got(0));
    rules.receive(got(1));
    rules.receive(also);
    expect([rules.next(), rules.next(), rules.next()].map((action) => action.do)).toEqual([
      'chunk',
      'chunk',
      'end',
    ]);
    expect(() => {
      rules.receive(also);
    }).toThrow(breach);
  });

  test('only the wanted ranges', () => {
    const ranges: FileReport = {
      want: 'ranges',
      file: 0,
      ranges: [
        [1, 2],
        [4, 6],
      ],
    };
    const sent = actions(9, ranges, 'next', 'next', 'next', 'next');
    expect(sent.map((action) => ('chunk' in action ? action.chunk : action.do))).toEqual([
      1,
      4,
      5,
      'end',
    ]);
  });

  test('no more than a window goes unconfirmed', () => {
    const rules = sendRules(100);
    rules.receive(all);
    for (let chunk = 0; chunk < sendWindow; chunk += 1) {
      expect(rules.next()).toEqual({ do: 'chunk', chunk });
    }
    expect(rules.next()).toEqual({ do: 'wait' });
    rules.receive(got(3));
    expect(rules.next()).toEqual({ do: 'chunk', chunk: sendWindow });
    expect(rules.next()).toEqual({ do: 'wait' });
  });

  test('digests in pages, then what is wanted after all', () => {
    const digests: FileReport = { want: 'digests', file: 0 };
    expect(actions(20, digests, 'next', 'next', 'next', all, 'next')).toEqual([
      { do: 'digests', first: 0, count: 16 },
      { do: 'digests', first: 16, count: 4 },
      { do: 'wait' },
      { do: 'chunk', chunk: 0 },
    ]);
  });

  test('identical: over without a chunk, once all digests were sent, or when there are none', () => {
    const digests: FileReport = { want: 'digests', file: 0 };
    const stop = { do: 'stop', outcome: { kind: 'identical', as: 'new_a', digest } };
    expect(actions(5, digests, 'next', identical, 'next').at(-1)).toEqual(stop);
    expect(actions(0, identical, 'next')).toEqual([stop]);
    expect(() => actions(5, identical)).toThrow(breach);
    expect(() => actions(20, digests, 'next', identical)).toThrow(breach);
  });

  test('a receiver that gives up in the middle gets its end, and only then it is over', () => {
    expect(actions(5, all, 'next', fail, 'next', 'next')).toMatchObject([
      { do: 'chunk', chunk: 0 },
      { do: 'acknowledge' },
      { do: 'stop', outcome: { kind: 'failed', error: { code: 'no-room', message: 'full' } } },
    ]);
  });

  test('a receiver that gives up after the end has said the last word', () => {
    expect(actions(1, all, 'next', got(0), 'next', fail, 'next').at(-1)).toMatchObject({
      do: 'stop',
      outcome: { kind: 'failed', error: { code: 'no-room', message: 'full' } },
    });
  });

  test('what comes after the end of all is swallowed', () => {
    const rules = sendRules(1);
    rules.giveUp(new SharingError('changed', 'moved'));
    for (const late of [all, got(0), receipt, fail]) rules.receive(late);
    expect(rules.next()).toMatchObject({ do: 'retract', error: { code: 'changed' } });
    for (const late of [all, got(0), receipt, fail]) rules.receive(late);
    expect(rules.next()).toMatchObject({ do: 'stop', outcome: { error: { code: 'changed' } } });
    rules.abandon();
    expect(rules.next()).toMatchObject({ do: 'stop', outcome: { error: { code: 'changed' } } });
  });

  test.each<[string, FileReport[]]>([
    ['got before anything is wanted', [got(0)]],
    ['a receipt before the end', [all, receipt]],
    ['got of a chunk that was not sent', [all, got(0)]],
    ['two wants', [all, all]],
    ['ranges beyond the file', [{ want: 'ranges', file: 0, ranges: [[0, 6]] }]],
    ['an empty range', [{ want: 'ranges', file: 0, ranges: [[2, 2]] }]],
    [
      'ranges that overlap',
      [
        {
          want: 'ranges',
          file: 0,
          ranges: [
            [0, 3],
            [2, 4],
          ],
        },
      ],
    ],
    [
      'ranges that touch',
      [
        {
          want: 'ranges',
          file: 0,
          ranges: [
            [0, 2],
            [2, 4],
          ],
        },
      ],
    ],
  ])('%s is a breach', (_, script) => {
    expect(() => actions(5, ...script)).toThrow(breach);
  });

  test('got twice, or a receipt with chunks unconfirmed, is a breach', () => {
    expect(() => actions(2, all, 'next', got(0), got(0))).toThrow(breach);
    expect(() => actions(1, all, 'next', 'next', receipt)).toThrow(breach);
  });

  test('what a lost lane took with it goes out again, first of all', () => {
    const rules = sendRules(4);
    rules.receive(all);
    expect([rules.next(), rules.next()]).toMatchObject([{ chunk: 0 }, { chunk: 1 }]);
    rules.receive(got(1));
    rules.lost(0);
    // It has arrived.
    rules.lost(1);
    expect([rules.next(), rules.next()]).toMatchObject([{ chunk: 0 }, { chunk: 2 }]);
  });

  test('what had arrived after all does not go out again', () => {
    const rules = sendRules(3);
    rules.receive(all);
    rules.next();
    rules.lost(0);
    rules.receive(got(0));
    expect([rules.next(), rules.next()]).toMatchObject([{ chunk: 1 }, { chunk: 2 }]);
    rules.receive(got(1));
    expect(() => {
      rules.receive(got(0));
    }).toThrow(breach);
  });

  test('the end waits for what was lost when all was out', () => {
    const rules = sendRules(1);
    rules.receive(all);
    expect([rules.next(), rules.next()]).toMatchObject([{ do: 'chunk' }, { do: 'end' }]);
    rules.lost(0);
    expect(rules.phase()).toBe('sending');
    expect([rules.next(), rules.next()]).toMatchObject([{ chunk: 0 }, { do: 'end' }]);
    rules.receive(got(0));
    expect(rules.unconfirmed()).toBe(0);
  });
});
