import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { rowsOn } from '#src/view/rows.js';
import { createView } from '#src/view/view.js';
import { readAll } from '../../../support/read-all.js';

function screen(json = false) {
  const [output, error] = [new PassThrough(), new PassThrough()];
  const view = createView({
    output,
    error: Object.assign(error, { isTTY: true, columns: 60, rows: 10 }),
    json,
    quiet: false,
  });
  return { rows: rowsOn(view), said: () => readAll(output), drawn: () => readAll(error) };
}

const bye = { event: 'bye', name: 'x' } as const;

test('answers, remarks and warnings name whose they are', () => {
  const { rows, said, drawn } = screen();
  const amber = rows.of('amber\u0007');
  amber.show(bye);
  amber.show({ event: 'failed', path: 'a', code: 'c', message: 'gone', exit: 5, hint: 'look' });
  amber.note('one');
  amber.warn('two');
  expect(said()).toBe('amber\\u{7}: session with x ended\n');
  expect(drawn()).toBe(
    'lanpost: amber\\u{7}: a: gone\n  look\namber\\u{7}: one\nlanpost: amber\\u{7}: two\n',
  );
});

test('answers that are drawn otherwise name it too', () => {
  const { rows, said } = screen();
  const row = { event: 'entry', path: 'a', type: 'file', size: 2048, mtime: 0 } as const;
  rows.of('amber').styled({ bytes: true }).show(row);
  expect(said()).toMatch(/^amber: +2048 B /);
});

test('in JSON too', () => {
  const { rows, said } = screen(true);
  rows.of('amber').show(bye);
  expect(said()).toBe('{"v":1,"event":"bye","server":"amber","name":"x"}\n');
});

test('each has a row, until it is cleared; none is drawn while somebody is asked', async () => {
  const { rows, drawn } = screen();
  const [amber, birch] = [rows.of('amber'), rows.of('birch')];
  amber.status.draw('10 %');
  amber.status.clear();
  amber.status.draw('20 %');
  amber.status.clear();
  drawn();
  await rows.hold(() => {
    birch.status.draw('5 %');
    return Promise.resolve();
  });
  expect(drawn()).toBe('');
  amber.status.draw('30 %');
  expect(drawn()).toBe('\r\u001b[Kbirch: 5 %\namber: 30 %');
});
