import { expect, test } from 'vitest';
import { folded, isColored, plainStyle } from '#src/view/style.js';

const terminal = { isTTY: true };

test('colours need a terminal and a user who wants them', () => {
  expect(isColored('auto', terminal, {})).toBe(true);
  expect(isColored('auto', {}, {})).toBe(false);
  expect(isColored('auto', terminal, { NO_COLOR: '1' })).toBe(false);
  expect(isColored('auto', terminal, { NO_COLOR: '' })).toBe(true);
  expect(isColored('auto', terminal, { TERM: 'dumb' })).toBe(false);
  expect(isColored('never', terminal, {})).toBe(false);
  expect(isColored('always', {}, { NO_COLOR: '1' })).toBe(true);
});

test('a line goes on below where the screen ends, between two facts and with nothing lost', () => {
  const line = "amber's File Sharing Service  192.168.1.20:30001  A74Z-JD68-YJEZ-85GZ  open";
  const at = (columns: number): string => folded(line, { ...plainStyle, columns });
  expect(at(Infinity)).toBe(line);
  expect(at(75)).toBe(line);
  expect(at(60)).toBe(
    "amber's File Sharing Service  192.168.1.20:30001\n    A74Z-JD68-YJEZ-85GZ  open",
  );
  expect(at(10).replace(/\n {4}/g, '  ')).toBe(line);
});
