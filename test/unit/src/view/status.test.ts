import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { statusLine } from '#src/view/status.js';

const erase = '\r\u001b[K';

function screen(terminal: boolean, columns?: number, silent = false) {
  const written: string[] = [];
  const error = Object.assign(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        done();
      },
    }),
    columns === undefined ? {} : { columns },
  );
  const clock = { now: 1_000_000 };
  return {
    written,
    clock,
    line: statusLine(error, { silent, drawsOver: terminal }, () => clock.now),
  };
}

test('on a terminal the line is drawn over, at most ten times a second', () => {
  const { written, clock, line } = screen(true);
  line.draw('one');
  clock.now += 99;
  line.draw('two');
  clock.now += 1;
  line.draw('three');
  expect(written).toEqual([`${erase}one`, `${erase}three`]);
});

test('clearing leaves nothing, and the next line comes at once', () => {
  const { written, line } = screen(true);
  line.clear();
  line.draw('one');
  line.clear();
  line.clear();
  line.draw('two');
  expect(written).toEqual([`${erase}one`, erase, `${erase}two`]);
});

test('several lines are drawn over together, as many as the terminal holds', () => {
  const { written, clock, line } = screen(true, 10);
  line.draw('one\ntwo\na long third');
  clock.now += 100;
  line.draw('one');
  clock.now += 100;
  line.draw(Array.from({ length: 40 }, (_, row) => String(row)).join('\n'));
  line.clear();
  expect(written).toEqual([
    `${erase}one\ntwo\na long th`,
    '\r\u001b[2A\u001b[Jone',
    `${erase}${Array.from({ length: 23 }, (_, row) => String(row)).join('\n')}`,
    '\r\u001b[22A\u001b[J',
  ]);
});

test('a line never reaches the last column, where it would wrap', () => {
  const { written, line } = screen(true, 10);
  line.draw('abcdefghijklmnop');
  expect(written).toEqual([`${erase}abcdefghi`]);
});

test('wide characters are counted by the columns that they take', () => {
  const { written, clock, line } = screen(true, 10);
  for (const text of ['日本語の名前', 'a日本語の名前', '🎈'.repeat(9), 'e\u0301'.repeat(10)]) {
    line.draw(text);
    clock.now += 100;
  }
  const shown = ['日本語の', 'a日本語の', '🎈'.repeat(4), 'e\u0301'.repeat(9)];
  expect(written).toEqual(shown.map((text) => erase + text));
});

test.each([undefined, 0])(
  'a width that is not known, and said as %s, is taken for 80',
  (columns) => {
    const { written, line } = screen(true, columns);
    line.draw('x'.repeat(200));
    expect(written).toEqual([erase + 'x'.repeat(79)]);
  },
);

test('without a terminal: plain lines, the first after five seconds, then as rarely', () => {
  const { written, clock, line } = screen(false);
  line.draw('quick');
  clock.now += 4999;
  line.draw('still quick');
  clock.now += 1;
  line.draw('slow');
  line.clear();
  clock.now += 4999;
  line.draw('too soon');
  clock.now += 1;
  line.draw('slower');
  expect(written).toEqual(['slow\n', 'slower\n']);
});

test('silent is silent', () => {
  const { written, clock, line } = screen(true, 80, true);
  line.draw('one');
  clock.now += 10_000;
  line.draw('two');
  line.clear();
  expect(written).toEqual([]);
});
